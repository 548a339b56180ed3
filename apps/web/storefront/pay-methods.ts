/** The shop's pay methods as the server describes them, in the current language. */
import { computed } from 'vue'
import type { PayMethod } from '../src/api/client.ts'
import { oneOf } from '../src/formats.ts'
import { language, t } from '../src/i18n.ts'
import { useShop } from './queries/catalog.ts'

/** As a phrase: "A, B or C". */
export const namesOf = (methods: readonly PayMethod[]): string => oneOf(methods.map(({ title }) => title[language()]))

export function usePayMethods() {
  const { data: shop } = useShop()
  const find = (name: string) => shop.value?.payMethods.find((method) => method.name === name)
  return {
    offered: computed(() => shop.value?.payMethods.filter((method) => method.offered) ?? []),
    /** Empty until the methods are known. */
    titleOf: (name: string): string => (shop.value ? (find(name)?.title[language()] ?? name) : ''),
    /** The app that scans its codes. */
    appOf: (name: string): string => find(name)?.app[language()] ?? t('scan.app'),
  }
}
