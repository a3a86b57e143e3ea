// The week as a grid, drawn from the list that the server rendered. Dragging an entry,
// or moving it by keys, leads to the form that asks whether to move the appointment:
// nothing is changed here, and the entry goes back to its place first.
//
// It knows no zone: hours are those of the unit's wall, as the list says them, and go
// back as such. So the library is told that they are in UTC, where no day has another
// length.

import { Calendar, type EventApi } from 'fullcalendar'
import interaction from 'fullcalendar/interaction'
import french from 'fullcalendar/locales/fr'
import classic from 'fullcalendar/themes/classic'
import timegrid from 'fullcalendar/timegrid'
import { entriesOf, hoursOf, moved, type Entry, type Words, wordsOf } from './week'

/** Where a grid of seven days has room. */
const WIDE = '(min-width: 62em)'

/** Attaches to the week's list, `data-agenda-week`. */
export function attachWeekGrid(root: ParentNode): void {
  const list = root.querySelector<HTMLElement>('[data-agenda-week]')
  if (list === null) return
  const wide = window.matchMedia(WIDE)
  let grid: WeekGrid | undefined
  const follow = (): void => {
    if (wide.matches) grid ??= new WeekGrid(list)
    grid?.fit(wide.matches)
  }
  wide.addEventListener('change', follow)
  follow()
}

class WeekGrid {
  private readonly words: Words
  private readonly frame = document.createElement('div')
  private readonly bar = document.createElement('div')
  private readonly place = document.createElement('div')
  private readonly speaker = document.createElement('p')
  private readonly toggle = document.createElement('button')
  private readonly calendar: Calendar
  private readonly entries: Map<string, Entry>
  private readonly slotMinutes: number
  private wide = true
  private asList = false
  /** The entry that keys have moved and nobody has asked for yet. */
  private pending: { event: EventApi; from: string } | undefined

  constructor(private readonly list: HTMLElement) {
    this.words = wordsOf(list.dataset)
    const entries = entriesOf(list)
    this.entries = new Map(entries.map((entry) => [entry.id, entry]))
    this.slotMinutes = Number(list.dataset.slotMinutes) || 30
    this.build()
    const { first, last } = hoursOf(entries)
    this.calendar = new Calendar(this.place, {
      plugins: [timegrid, interaction, classic],
      initialView: 'timeGridWeek',
      initialDate: list.dataset.monday ?? '',
      now: `${list.dataset.today ?? ''}T00:00:00Z`,
      timeZone: 'UTC',
      locale: document.documentElement.lang === 'fr' ? french : 'en-gb',
      firstDay: 1,
      headerToolbar: false,
      allDaySlot: false,
      slotMinTime: first,
      slotMaxTime: last,
      slotDuration: '00:30:00',
      snapDuration: { minutes: this.slotMinutes },
      height: 'auto',
      eventDurationEditable: false,
      eventOverlap: true,
      eventClass: ({ event }) => `vp-grid__event vp-grid__event--${String(event.extendedProps.kind) || 'plain'}`,
      eventDidMount: ({ el, event }) => {
        el.dataset.entry = event.id
        el.addEventListener('keydown', (pressed) => this.press(pressed, event.id))
      },
      eventDrop: ({ event, revert }) => {
        const at = event.startStr
        revert()
        this.ask(event.id, at)
      },
      events: entries
        .filter(({ takesTime }) => takesTime)
        .map((entry) => ({
          id: entry.id,
          title: `${entry.reference} · ${entry.who}`,
          start: `${entry.starts}Z`,
          end: `${entry.ends}Z`,
          url: entry.href,
          startEditable: entry.movable,
          extendedProps: { kind: entry.kind },
        })),
    })
    list.before(this.frame)
    this.fit(true)
    this.calendar.render()
    // The library draws what its size asks for a moment later.
    new MutationObserver(() => this.mendHeaders()).observe(this.place, { childList: true, subtree: true })
    this.mendHeaders()
  }

  /** A header says its words to everybody; what has none is no header. */
  private mendHeaders(): void {
    for (const header of this.place.querySelectorAll('[role="columnheader"], [role="rowheader"]')) {
      for (const hidden of header.querySelectorAll('[aria-hidden]')) hidden.removeAttribute('aria-hidden')
      if (header.textContent.trim() === '') header.setAttribute('role', 'gridcell')
    }
  }

  /** Shows the grid where it has room and nobody asked for the list. */
  fit(wide: boolean): void {
    this.wide = wide
    const shown = wide && !this.asList
    this.frame.hidden = !wide
    this.place.hidden = !shown
    this.list.hidden = shown
    this.toggle.textContent = this.asList ? this.words.grid : this.words.list
  }

  private build(): void {
    this.frame.className = 'vp-grid'
    this.bar.className = 'vp-grid__bar'
    const keys = document.createElement('p')
    keys.className = 'fr-text--sm vp-grid__keys'
    keys.id = 'vp-grid-keys'
    keys.textContent = this.words.keys
    this.toggle.type = 'button'
    this.toggle.className = 'fr-btn fr-btn--tertiary fr-btn--sm'
    this.toggle.addEventListener('click', () => {
      this.asList = !this.asList
      this.fit(this.wide)
    })
    this.place.className = 'vp-grid__place'
    this.place.setAttribute('role', 'region')
    this.place.setAttribute('aria-label', this.words.label)
    this.speaker.className = 'fr-sr-only'
    this.speaker.setAttribute('role', 'status')
    this.bar.append(keys, this.toggle)
    this.frame.append(this.bar, this.place, this.speaker)
  }

  /** Leads to the form that asks. */
  private ask(id: string, at: string): void {
    window.location.assign(`/agent/rendez-vous/${id}/deplacer/confirmer?heure=${at.slice(0, 16)}`)
  }

  private press(pressed: KeyboardEvent, id: string): void {
    const event = this.calendar.getEventById(id)
    if (event === null) return
    const { key } = pressed
    if (pressed.altKey && key.startsWith('Arrow')) {
      pressed.preventDefault()
      this.shift(event, key)
    } else if (this.pending?.event.id === id && key === 'Enter') {
      pressed.preventDefault()
      const at = event.startStr
      this.putBack()
      this.ask(id, at)
    } else if (this.pending !== undefined && key === 'Escape') {
      pressed.preventDefault()
      this.putBack()
      this.speaker.textContent = this.words.kept
      this.focus(id)
    }
  }

  private shift(event: EventApi, key: string): void {
    const entry = this.entries.get(event.id)
    if (entry?.movable !== true) {
      this.speaker.textContent = this.words.fixed
      return
    }
    if (this.pending !== undefined && this.pending.event.id !== event.id) this.putBack()
    this.pending ??= { event, from: event.startStr }
    const minutes = { ArrowUp: -this.slotMinutes, ArrowDown: this.slotMinutes, ArrowLeft: -1440, ArrowRight: 1440 }[key]
    const { start, end } = moved(event.startStr, event.endStr, minutes ?? 0, this.list.dataset.monday ?? '')
    event.setDates(start, end)
    const moment = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'long', hour: '2-digit', minute: '2-digit', timeZone: 'UTC' }).format(new Date(start))
    this.speaker.textContent = this.words.moved.replace('{moment}', moment)
    this.focus(event.id)
  }

  private putBack(): void {
    if (this.pending === undefined) return
    const { event, from } = this.pending
    const length = Date.parse(event.endStr) - Date.parse(event.startStr)
    event.setDates(from, new Date(Date.parse(from) + length).toISOString())
    this.pending = undefined
  }

  /** The library draws a moved entry anew: the focus follows it. */
  private focus(id: string): void {
    requestAnimationFrame(() => this.place.querySelector<HTMLElement>(`[data-entry="${CSS.escape(id)}"]`)?.focus())
  }
}
