// A reporter for the test runner: ends with the ten files that took longest, what they start and stop included.
import { relative } from 'node:path'
import { root } from './find-node.mjs'

const LISTED = 10

export default class SlowestFiles {
  onTestRunEnd(modules) {
    const timed = modules.map((module) => {
      const { collectDuration, setupDuration, duration } = module.diagnostic()
      return { file: relative(root, module.moduleId), seconds: (collectDuration + setupDuration + duration) / 1000 }
    })
    const slowest = timed.sort((one, other) => other.seconds - one.seconds).slice(0, LISTED)
    if (slowest.length < LISTED) return
    console.log(`\nThe ${LISTED} slowest files, in seconds:`)
    for (const { file, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(7)}  ${file}`)
  }
}
