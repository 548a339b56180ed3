/** The shop's pay methods for the back office, as the server describes them, including which are offered. */
import { useQuery } from '@pinia/colada'
import { shallowRef } from 'vue'
import { answer, api, type PayMethod, type PayType } from '../src/api/client.ts'
import { language } from '../src/i18n.ts'

const known = shallowRef<readonly PayMethod[]>([])

export const payMethods = (): readonly PayMethod[] => known.value

export function learnMethods(methods: readonly PayMethod[]): void {
  known.value = methods
}

/** Every response also updates the methods that all pages share. */
export async function askShop() {
  const shop = await answer(api.GET('/api/shop'))
  learnMethods(shop.payMethods)
  return shop
}

export const useShop = () => useQuery({ key: ['shop'], query: askShop })

/** A method's title; its technical name if it is unknown or not loaded yet. */
export const methodName = (name: string): string =>
  known.value.find((method) => method.name === name)?.title[language()] ?? name

/** A value from the address, if it is a method; accepted unchecked until the methods are loaded. */
export const asMethod = (value: string): PayType | undefined =>
  known.value.length === 0 ? (value as PayType) : known.value.find(({ name }) => name === value)?.name
