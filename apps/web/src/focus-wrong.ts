/** Moves the focus to the first invalid field of a form; every invalid field shows its own error. */
export function focusWrong(form: Element | null | undefined): void {
  const [first] = form?.querySelectorAll<HTMLElement>('[aria-invalid="true"]') ?? []
  first?.focus()
}
