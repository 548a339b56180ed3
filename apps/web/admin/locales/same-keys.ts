/** The type of another language's messages: exactly the same keys. */
export type SameKeys<Group> = {
  [Key in keyof Group]: Group[Key] extends string ? string : SameKeys<Group[Key]>
}
