#!/usr/bin/env node
// `xuecheng …`: hands over to the command line on the Node that the project brings along.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNode } from '../../../scripts/find-node.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const args = ['--conditions=xuecheng:source', '--disable-warning=ExperimentalWarning', join(here, '../src/cli.ts')]
const { status, signal } = spawnSync(findNode(), [...args, ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(signal ? 1 : (status ?? 1))
