/** What the desk knows of its shop: the pay methods, as the server describes them, and which of them it offers. */
import { useQuery } from '@pinia/colada'
import { shallowRef } from 'vue'
import { answer, api, type PayMethod, type PayType } from '../src/api/client.ts'
import { language } from '../src/i18n.ts'

const known = shallowRef<readonly PayMethod[]>([])

export const payMethods = (): readonly PayMethod[] => known.value

export function learnMethods(methods: readonly PayMethod[]): void {
  known.value = methods
}

/** Every time it is asked for, what all pages know of the methods is as new as the answer. */
export async function askShop() {
  const shop = await answer(api.GET('/api/shop'))
  learnMethods(shop.payMethods)
  return shop
}

export const useShop = () => useQuery({ key: ['shop'], query: askShop })

/** A method in words; as the server names it where it is not known, or not yet. */
export const methodName = (name: string): string =>
  known.value.find((method) => method.name === name)?.title[language()] ?? name

/** What somebody wrote into the address, if it is a method: until these are known it is taken at its word. */
export const asMethod = (value: string): PayType | undefined =>
  known.value.length === 0 ? (value as PayType) : known.value.find(({ name }) => name === value)?.name
