/**
 * Builds each JSON serializer from its schema on first use. Building all of them took two fifths of the start, and a
 * process never needs most of them.
 */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

const factory = SerializerSelector()

/**
 * Replaces Fastify's `schemaController.compilersFactory.buildSerializer`, which builds all serializers at the start.
 */
export const serializersOnDemand: typeof factory = (schemas, options) => {
  const make = factory(schemas, options)
  return (route) => {
    let serializer: ReturnType<typeof make> | undefined
    return (answer) => {
      serializer ??= make(route)
      return serializer(answer)
    }
  }
}
