#!/usr/bin/env node
// Runs the built sandbox, or its sources in an unbuilt checkout (Node.js 22.18 and later run TypeScript directly).
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

enableCompileCache()
const built = new URL('../dist/main.js', import.meta.url)
await import(existsSync(built) ? built.href : new URL('../src/main.ts', import.meta.url).href)
