/** Small named values that survive a restart: the clock's offset, the notification switch. */
import type { Database } from './database.ts'

export interface Settings {
  read(name: string): string | undefined
  write(name: string, value: string): void
}

export function openSettings(database: Database): Settings {
  const select = database.prepare<{ value: string }>('select value from settings where name = ?')
  const upsert = database.prepare(
    'insert into settings (name, value) values (?, ?) on conflict (name) do update set value = excluded.value',
  )
  return {
    read: (name) => select.get(name)?.value,
    write: (name, value) => void upsert.run(name, value),
  }
}
