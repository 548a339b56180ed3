/** Compiles the messages at build time, so that no message compiler is sent to the browser. */
import { pathToFileURL } from 'node:url'
import { baseCompile } from '@intlify/message-compiler'
import type { Plugin } from 'vite'

const MESSAGES = /\/(?:src|admin)\/locales\/(zh-CN|en)\.ts$/

type Compiled = string | object | { [key: string]: Compiled }

/** A plain text is kept; one with placeholders or a plural becomes its syntax tree. */
function compile(value: unknown, where: string): Compiled {
  if (typeof value === 'string') {
    if (!/[{|@]/.test(value)) return value
    const onError = (error: Error) => {
      throw new Error(`${where}: ${error.message} in "${value}"`)
    }
    return baseCompile(value, { jit: true, location: false, minify: true, optimize: true, onError }).ast
  }
  if (typeof value !== 'object' || value === null) throw new Error(`${where} is neither a text nor a group of texts`)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compile(inner, `${where}.${key}`)]))
}

export function precompiledMessages(): Plugin {
  return {
    name: 'xuecheng:messages',
    apply: 'build',
    async load(id) {
      const file = id.split('?')[0] ?? id
      if (!MESSAGES.test(file)) return null
      const { default: messages }: { default: unknown } = await import(pathToFileURL(file).href)
      return `export default ${JSON.stringify(compile(messages, 'messages'))}`
    },
  }
}
