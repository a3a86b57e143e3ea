// A form that is sent without leaving the page, so that a call or a half-typed
// text stays where it is: `<form method="post" data-inline>`. What it changed
// comes back through the live regions; a refusal is said beside its button.
// Without a script it is an ordinary form, answered by a redirection.

export function attachInlineForms(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute('data-inline') || event.defaultPrevented) return
    event.preventDefault()
    const { submitter } = event
    void send(form, submitter instanceof HTMLButtonElement ? submitter : undefined)
  })
}

async function send(form: HTMLFormElement, button: HTMLButtonElement | undefined): Promise<void> {
  // A double tap is one act.
  if (form.getAttribute('aria-busy') === 'true') return
  form.setAttribute('aria-busy', 'true')
  const body = new URLSearchParams()
  for (const [name, value] of new FormData(form, button)) if (typeof value === 'string') body.append(name, value)
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
      credentials: 'same-origin',
    })
    if (response.ok) {
      say(form, '')
      for (const field of form.querySelectorAll<HTMLTextAreaElement | HTMLInputElement>('textarea, input:not([type="hidden"])')) field.value = ''
      // The region is about to be fetched again; a field that keeps the focus
      // would hold it back, and the focus must not fall to the page's top.
      const region = form.closest<HTMLElement>('[data-live]')
      if (region !== null && region.contains(document.activeElement)) {
        region.tabIndex = -1
        region.focus({ preventScroll: true })
      }
      form.dispatchEvent(new CustomEvent('vp:sent', { bubbles: true }))
      return
    }
    const answer = (await response.json().catch(() => ({}))) as { message?: unknown }
    say(form, typeof answer.message === 'string' ? answer.message : response.statusText)
  } catch {
    // No network: the browser's own page says so, and nothing typed is lost
    // when the person goes back.
    form.removeAttribute('data-inline')
    form.requestSubmit(button)
  } finally {
    form.removeAttribute('aria-busy')
  }
}

function say(form: HTMLFormElement, words: string): void {
  let place = form.querySelector<HTMLElement>('[data-inline-message]')
  if (place === null) {
    place = document.createElement('p')
    place.className = 'fr-error-text'
    place.dataset.inlineMessage = ''
    place.setAttribute('role', 'alert')
    form.append(place)
  }
  place.textContent = words
  place.hidden = words === ''
}
