/** The shop's pay methods as the server describes them, in the language shown. */
import { computed } from 'vue'
import { language, t } from '../src/i18n.ts'
import { useShop } from './queries/catalog.ts'

export function usePayMethods() {
  const { data: shop } = useShop()
  const find = (name: string) => shop.value?.payMethods.find((method) => method.name === name)
  return {
    offered: computed(() => shop.value?.payMethods.filter((method) => method.offered) ?? []),
    /** Empty until the methods are known. */
    titleOf: (name: string): string => (shop.value ? (find(name)?.title[language()] ?? name) : ''),
    /** What its codes are scanned with. */
    appOf: (name: string): string => find(name)?.app[language()] ?? t('scan.app'),
  }
}
