// What the grid takes from the list, and how far an entry may go by keys. Pure, but
// for reading elements.

/** An entry of the list; hours are of the unit's wall, without a zone. */
export interface Entry {
  id: string
  href: string
  reference: string
  who: string
  starts: string
  ends: string
  kind: string
  movable: boolean
  takesTime: boolean
}

/** What the grid says, in the page's language. */
export interface Words {
  label: string
  keys: string
  moved: string
  kept: string
  fixed: string
  list: string
  grid: string
}

export function wordsOf(data: DOMStringMap): Words {
  const { wordsLabel = '', wordsKeys = '', wordsMoved = '', wordsKept = '', wordsFixed = '', wordsList = '', wordsGrid = '' } = data
  return { label: wordsLabel, keys: wordsKeys, moved: wordsMoved, kept: wordsKept, fixed: wordsFixed, list: wordsList, grid: wordsGrid }
}

export function entriesOf(list: ParentNode): Entry[] {
  return [...list.querySelectorAll<HTMLElement>('[data-entry]')].map((element) => {
    const text = (what: string): string => element.querySelector(what)?.textContent.trim() ?? ''
    return {
      id: element.dataset.entry ?? '',
      href: element.querySelector('a')?.getAttribute('href') ?? '',
      reference: text('.vp-reference'),
      who: text('.vp-week__who'),
      starts: element.dataset.starts ?? '',
      ends: element.dataset.ends ?? '',
      kind: element.dataset.kind ?? '',
      movable: 'movable' in element.dataset,
      takesTime: 'takesTime' in element.dataset,
    }
  })
}

/** The hours a grid shows: a working day, and whatever lies outside it. */
export function hoursOf(entries: readonly Pick<Entry, 'starts' | 'ends' | 'takesTime'>[]): { first: string; last: string } {
  let [first, last] = [8, 20]
  for (const { starts, ends, takesTime } of entries) {
    if (!takesTime) continue
    const [from, to] = [Number(starts.slice(11, 13)), Number(ends.slice(11, 13)) + (ends.slice(14, 16) === '00' ? 0 : 1)]
    first = Math.min(first, from)
    // Past midnight, or at it: the grid ends there.
    last = starts.slice(0, 10) === ends.slice(0, 10) ? Math.max(last, to) : 24
  }
  const hour = (value: number): string => `${String(value).padStart(2, '0')}:00:00`
  return { first: hour(first), last: hour(last) }
}

/** An entry moved by some minutes; it stays in the week that begins on `monday`. */
export function moved(start: string, end: string, minutes: number, monday: string): { start: string; end: string } {
  const [from, to] = [Date.parse(start), Date.parse(end)]
  const begins = Date.parse(`${monday}T00:00:00Z`)
  const wanted = from + minutes * 60_000
  const stays = wanted >= begins && wanted < begins + 7 * 86_400_000
  const at = stays ? wanted : from
  const text = (instant: number): string => new Date(instant).toISOString().replace('.000Z', 'Z')
  return { start: text(at), end: text(at + to - from) }
}
