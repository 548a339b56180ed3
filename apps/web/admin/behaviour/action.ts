/** One request of a form or a button at a time, and why the last one was refused. */
import { ref, shallowRef } from 'vue'
import { type ApiProblem, asProblem } from '../../src/api/client.ts'

export function useAction() {
  const busy = ref(false)
  const problem = shallowRef<ApiProblem>()

  /** Does nothing while the one before is under way. @returns whether the work was done */
  async function run(work: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    problem.value = undefined
    try {
      await work()
      return true
    } catch (error) {
      problem.value = asProblem(error)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, run }
}
