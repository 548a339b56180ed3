/** Asks before changes that are not saved are left: for another page of the back office, or for good. */
import { onBeforeUnmount, onMounted } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'
import { w } from './words.ts'

/** @param dirty whether there is something to lose */
export function guardUnsaved(dirty: () => boolean): void {
  const warn = (event: BeforeUnloadEvent) => {
    if (dirty()) event.preventDefault()
  }
  onMounted(() => addEventListener('beforeunload', warn))
  onBeforeUnmount(() => removeEventListener('beforeunload', warn))
  onBeforeRouteLeave(() => !dirty() || confirm(w('course.leave')))
}
