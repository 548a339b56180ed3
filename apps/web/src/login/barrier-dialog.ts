/** Loads the dialog of `barrier.ts` when it is first needed, which is rare. */
import { defineAsyncComponent } from 'vue'
import { answerBarrier } from './barrier.ts'

export const BarrierDialog = defineAsyncComponent({
  loader: () => import('../components/BarrierDialog.vue'),
  onError(_error, _retry, fail) {
    answerBarrier(false) // without the dialog the user cannot be asked
    fail()
  },
})
