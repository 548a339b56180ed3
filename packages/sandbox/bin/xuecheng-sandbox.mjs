#!/usr/bin/env node
// Runs the built sandbox; in a checkout that is not built, its sources (Node.js 22.18 and later read them as they are).
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

enableCompileCache()
const built = new URL('../dist/main.js', import.meta.url)
await import(existsSync(built) ? built.href : new URL('../src/main.ts', import.meta.url).href)
