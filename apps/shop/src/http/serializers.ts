/**
 * What writes answers as JSON, made from their schemas when the first such answer is sent. To make them all took two fifths
 * of a start, and most are never needed by the process that makes them.
 */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

const factory = SerializerSelector()

/** In place of Fastify's own (`schemaController.compilersFactory.buildSerializer`), which makes all of them at once. */
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
