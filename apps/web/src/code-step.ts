/** The second step of a login: whether a code is asked for, what was entered, and what was wrong with it. */
import { nextTick, type Ref, reactive } from 'vue'
import type { ApiProblem } from './api/client.ts'
import { t } from './i18n.ts'

interface CodeStep {
  asked: boolean
  code: string
  error: string | undefined
}

/** @param field where the code is entered, once it is asked for */
export function useCodeStep(field: Readonly<Ref<{ focus: () => void } | null>>) {
  const step = reactive<CodeStep>({ asked: false, code: '', error: undefined })

  async function show(error: string | undefined): Promise<void> {
    Object.assign(step, { asked: true, code: '', error })
    await nextTick()
    field.value?.focus()
  }

  return {
    step,
    /** What is sent besides name and password: nothing while no code is asked for. */
    entered: (): { code?: string } => (step.asked ? { code: step.code.trim() } : {}),
    /** Says so where a code is asked for and none that could be one was entered. */
    missing(): boolean {
      if (!step.asked) return false
      step.error = step.code.trim().length < 6 ? t('account.codeNeeded') : undefined
      if (step.error) field.value?.focus()
      return step.error !== undefined
    },
    /** Takes a refusal that is about the code. @returns whether it was */
    took({ code, message, detail }: ApiProblem): boolean {
      if (code !== 'SECOND_FACTOR_REQUIRED' && code !== 'WRONG_CODE') return false
      void show(code === 'WRONG_CODE' ? `${message} ${detail}` : undefined)
      return true
    },
    /** Back to name and password. */
    leave(): void {
      Object.assign(step, { asked: false, code: '', error: undefined })
    },
  }
}
