/** One language's messages hold every other to their keys. */
export type SameKeys<Group> = {
  [Key in keyof Group]: Group[Key] extends string ? string : SameKeys<Group[Key]>
}
