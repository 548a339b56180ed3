/** The second step of a login: whether a code is required, its value and its error. */
import { nextTick, type Ref, reactive } from 'vue'
import type { ApiProblem } from '../api/client.ts'
import { t } from '../i18n.ts'

interface CodeStep {
  asked: boolean
  code: string
  error: string | undefined
}

/** @param field the input of the code, which appears once a code is required */
export function useCodeStep(field: Readonly<Ref<{ focus: () => void } | null>>) {
  const step = reactive<CodeStep>({ asked: false, code: '', error: undefined })

  async function show(error: string | undefined): Promise<void> {
    Object.assign(step, { asked: true, code: '', error })
    await nextTick()
    field.value?.focus()
  }

  return {
    step,
    /** The code to send besides name and password; nothing while none is required. */
    entered: (): { code?: string } => (step.asked ? { code: step.code.trim() } : {}),
    /** Shows an error if a code is required and the input cannot be one. @returns whether it is missing */
    missing(): boolean {
      if (!step.asked) return false
      step.error = step.code.trim().length < 6 ? t('account.codeNeeded') : undefined
      if (step.error) field.value?.focus()
      return step.error !== undefined
    },
    /** Handles a refusal that concerns the code. @returns whether it did */
    took({ code, message, detail }: ApiProblem): boolean {
      // Over the limit for passwords, a login with password and code is still possible.
      if (code === 'TOO_MANY_ATTEMPTS' && !step.asked) {
        void show(undefined)
        return false
      }
      if (code !== 'SECOND_FACTOR_REQUIRED' && code !== 'WRONG_CODE') return false
      void show(code === 'WRONG_CODE' ? `${message} ${detail}` : undefined)
      return true
    },
    /** Returns to name and password. */
    leave(): void {
      Object.assign(step, { asked: false, code: '', error: undefined })
    },
  }
}
