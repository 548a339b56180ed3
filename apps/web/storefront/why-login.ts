/** Where a login leads back to, and the text that says why it is required. */
import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { t } from '../src/i18n.ts'
import { wayBack } from '../src/login/way-back.ts'

export function useWhyLogin() {
  const route = useRoute()
  const router = useRouter()
  const next = computed(() => wayBack(route.query['next']))
  const reason = computed(() => {
    const target = router.resolve(next.value)
    if (!target.meta.login) return undefined
    if (route.name === 'register') return target.name === 'checkout' ? t('account.newBuy') : t('account.newPage')
    if (target.name === 'checkout') return t('account.needBuy')
    return target.name === 'pay' ? t('account.needPay') : t('account.needPage')
  })
  /** Passed on between login and registration. */
  const query = computed(() => (next.value === '/' ? {} : { next: next.value }))
  const goOn = () => router.replace(next.value)
  return { reason, query, goOn }
}
