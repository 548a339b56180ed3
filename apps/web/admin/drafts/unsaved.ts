/**
 * Asks before a page with unsaved changes is left, for another page of the back office or for another site. Not after
 * the session has ended: nothing can be saved then, and `drafts.ts` keeps the input.
 */
import { onBeforeUnmount, onMounted } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'
import { useStaffSession } from '../session.ts'
import { tAdmin } from '../words.ts'

/** @param dirty whether there are unsaved changes */
export function guardUnsaved(dirty: () => boolean): void {
  const session = useStaffSession()
  const asks = () => dirty() && session.isIn
  const warn = (event: BeforeUnloadEvent) => {
    if (asks()) event.preventDefault()
  }
  onMounted(() => addEventListener('beforeunload', warn))
  onBeforeUnmount(() => removeEventListener('beforeunload', warn))
  onBeforeRouteLeave(() => !asks() || confirm(tAdmin('draft.leave')))
}
