// A slot that is kept for a few minutes: the page counts down, says so once a minute
// before the end and at the end, and then offers to keep it again. How much is left
// comes from the service; the device's clock only tells how long the page has been
// open, so that it may be wrong. Without the script the hour stands on the page.

/** One minute before the end it is said. */
const SOON_MS = 60_000

/** Attaches to a notice that says in `data-hold` how many milliseconds are left. */
export function attachHold(root: ParentNode): void {
  const notice = root.querySelector<HTMLElement>('[data-hold]')
  const shown = notice?.querySelector<HTMLElement>('[data-hold-left]')
  const told = notice?.querySelector<HTMLElement>('[data-hold-told]')
  const left = Number(notice?.dataset.hold)
  if (!notice || !shown || !told || !Number.isFinite(left)) return
  const since = Date.now()
  let soon = false
  const look = (): void => {
    const rest = left - (Date.now() - since)
    if (rest <= 0) {
      clearInterval(timer)
      end(root, notice, shown, told)
      return
    }
    shown.hidden = false
    shown.textContent = inWords(rest, notice.dataset.left ?? '')
    if (rest <= SOON_MS && !soon) {
      soon = true
      notice.classList.replace('fr-alert--info', 'fr-alert--warning')
      told.textContent = notice.dataset.soon ?? ''
    }
  }
  const timer = setInterval(look, 1000)
  look()
}

/** The time is over: what confirms it goes, what keeps it again comes. */
function end(root: ParentNode, notice: HTMLElement, shown: HTMLElement, told: HTMLElement): void {
  const confirm = root.querySelector<HTMLElement>('[data-hold-confirm]')
  const again = root.querySelector<HTMLElement>('[data-hold-again]')
  // Whoever stood on the button that goes stands on the one that comes.
  const stood = confirm?.contains(document.activeElement) ?? false
  notice.querySelector<HTMLElement>('[data-hold-until]')?.setAttribute('hidden', '')
  shown.hidden = true
  told.classList.remove('fr-sr-only')
  told.textContent = notice.dataset.over ?? ''
  if (confirm && again) {
    confirm.hidden = true
    again.hidden = false
    if (stood) again.querySelector<HTMLElement>('button')?.focus()
  }
}

/** "Il reste 4 min 05 s", from a pattern that says where minutes and seconds go. */
export function inWords(rest: number, pattern: string): string {
  // What is begun counts: the last second is not zero.
  const seconds = Math.ceil(rest / 1000)
  const two = String(seconds % 60).padStart(2, '0')
  return pattern.replace('{minutes}', String(Math.floor(seconds / 60))).replace('{seconds}', two)
}
