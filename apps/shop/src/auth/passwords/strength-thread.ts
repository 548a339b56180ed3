/** The worker thread that checks the strength of passwords (`strength.ts`). */
import { constants, platform, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'

// On Linux each thread has its own priority; elsewhere this would change the whole process. It is set before the
// dictionaries are loaded, which takes a second, so that buyers' requests go first.
if (platform() === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL)
const { ZxcvbnFactory } = await import('@zxcvbn-ts/core')
const { adjacencyGraphs, dictionary } = await import('@zxcvbn-ts/language-common')

/** Under a million guesses is score 0 or 1; a guesser without the hash does not get further. */
const MIN_SCORE = 2

/** Missing from the library's lists: beginnings of common passwords in China, and this shop's name. */
const OURS = [
  ...['woaini', 'woaini1314', 'woaini520', 'woaini521', 'aini1314', 'nihao', 'nihao123', 'mima', 'mima123', 'mima1234'],
  ...[
    '5201314',
    '1314520',
    '520520',
    '147258',
    '147258369',
    '987654321',
    'qq123456',
    'a123456',
    'abc123456',
    'zhang123',
  ],
  ...['xuecheng', 'xuesheng', 'laoshi', 'kecheng', 'zhongguo', 'beijing', 'shanghai', 'tiankong', 'baobei', 'laopo'],
]

const estimator = new ZxcvbnFactory({
  dictionary: { ...dictionary, ours: OURS },
  graphs: adjacencyGraphs,
})

parentPort?.on('message', ({ id, password, names }: { id: number; password: string; names: string[] }) => {
  parentPort?.postMessage({ id, strong: estimator.check(password, names).score >= MIN_SCORE })
})
