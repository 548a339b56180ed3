#!/usr/bin/env node
// `xuecheng …`: hands over to the command line on the Node that the project brings along.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../../scripts/run.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const args = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning', join(here, '../src/cli.ts')]
process.exit(await run([...args, ...process.argv.slice(2)], { cwd: process.cwd() }))
