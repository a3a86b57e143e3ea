// A reader abroad: when the device's clock differs from the unit's, the page
// says so and gives each instant in the device's time too. Without the script
// the page still says whose hours it shows.

/** Attaches to the notes that name a unit's zone in `data-other-zone`. */
export function attachOtherZone(root: ParentNode, here: string = deviceZone()): void {
  const note = root.querySelector<HTMLElement>('[data-other-zone]')
  const times = [...root.querySelectorAll<HTMLTimeElement>('main time[datetime]')]
  const zone = note?.dataset.otherZone
  if (!note || !zone || times.length === 0) return
  const language = document.documentElement.lang || 'fr'
  const elsewhere = times.filter((time) => {
    const at = new Date(time.dateTime)
    return !Number.isNaN(at.getTime()) && wall(at, zone, language) !== wall(at, here, language)
  })
  if (elsewhere.length === 0) return
  note.hidden = false
  const words = note.dataset.here ?? '{time}'
  for (const time of elsewhere) {
    const hint = document.createElement('span')
    hint.className = 'fr-hint-text'
    hint.textContent = words.replace('{time}', wall(new Date(time.dateTime), here, language))
    time.after(hint)
  }
}

function deviceZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** Weekday and time on the wall of a zone: "lun. 04:00". */
function wall(at: Date, zone: string, language: string): string {
  return new Intl.DateTimeFormat(language, { weekday: 'short', hour: '2-digit', minute: '2-digit', timeZone: zone }).format(at)
}
