// A text that saves itself while it is typed.
//
//   <textarea name="texte" data-autosave-url="/dossier/ID/texte" data-csrf="…" data-version="12"
//             data-autosave-status="texte-etat"
//             data-t-saving="Enregistrement…" data-t-saved="Enregistré à {time}" data-t-dirty="Non enregistré"
//             data-t-retrying="Pas de réseau : nous réessayons" data-t-conflict="…" data-t-refused="…">
//   <p id="texte-etat"></p>
//
// It POSTs `csrf`, `version` and the text under the field's name; the service
// answers 200 {"version": …}, or 409 {"message"} when another version was saved
// meanwhile. Then nothing more is sent and the text stays on the page, so that
// nothing typed is lost. Without a script the form's own button saves.

import { type Answer, type SaveState, Saving } from './saving'

export function attachAutosave(root: ParentNode): void {
  for (const field of root.querySelectorAll<HTMLTextAreaElement>('textarea[data-autosave-url]:not([data-autosave-state])')) attach(field)
}

function attach(field: HTMLTextAreaElement): void {
  const status = document.getElementById(field.dataset.autosaveStatus ?? '')
  const show = (state: SaveState, message?: string) => {
    field.dataset.autosaveState = state
    if (status === null) return
    // Only what the person must act on interrupts a screen reader.
    if (state === 'conflict' || state === 'refused') status.setAttribute('role', 'alert')
    const time = new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' }).format(new Date())
    const words = message ?? field.getAttribute(`data-t-${state}`) ?? ''
    status.textContent = words.replace('{time}', time)
    status.dataset.state = state
  }
  const saving = new Saving(
    () => field.value,
    field.dataset.version ?? '',
    {
      now: () => performance.now(),
      setTimer: (run, ms) => window.setTimeout(run, ms),
      clearTimer: (timer) => window.clearTimeout(timer),
      send: (text, version) => post(field, text, version),
    },
    (state, message) => show(state, message),
  )
  field.dataset.autosaveState = 'clean'
  field.addEventListener('input', () => saving.typed())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') void saving.flush()
  })
  window.addEventListener('beforeunload', (event) => {
    if (saving.unsaved && field.isConnected) event.preventDefault()
  })
  // Another form of the page (send for review, sign) acts on what is saved:
  // it waits for it. The field's own form carries the text itself.
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!(form instanceof HTMLFormElement) || form === field.form || !saving.unsaved || saving.stopped) return
    event.preventDefault()
    const { submitter } = event
    void saving.flush().then((saved) => {
      if (saved) form.requestSubmit(submitter)
    })
  })
  // The page is about to be replaced by the answer to this very text.
  field.form?.addEventListener('submit', () => saving.handOver())
}

async function post(field: HTMLTextAreaElement, text: string, version: string): Promise<Answer> {
  const body = new URLSearchParams({ csrf: field.dataset.csrf ?? '', version, [field.name]: text }).toString()
  const response = await fetch(field.dataset.autosaveUrl ?? '', {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body,
    credentials: 'same-origin',
    redirect: 'error',
    // Lets the last save outlive the page; browsers allow 64 kB of it.
    keepalive: body.length < 60_000,
  })
  const answer = (await response.json().catch(() => ({}))) as { version?: unknown; message?: unknown }
  const said = typeof answer.message === 'string' ? { message: answer.message } : {}
  if (response.ok && (typeof answer.version === 'number' || typeof answer.version === 'string')) return { kind: 'saved', version: String(answer.version) }
  if (response.status === 409) return { kind: 'conflict', ...said }
  if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) return { kind: 'refused', ...said }
  return { kind: 'unreachable' }
}
