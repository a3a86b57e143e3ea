// The unit's calendar, in Chromium: as axe, a dark and a narrow screen find each page,
// in both languages; the week's grid with the mouse and with keys; everything again
// without a script. Pictures are left under target/planning.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person, shot } from './lib.mjs'
import { people } from './people.mjs'
import { root, startService } from './service.mjs'

const folder = join(root, 'target/planning')

let browser
let service
let base
let booked
before(async () => {
  service = await startService()
  base = service.base
  browser = await launchChromium()
  const { administrator, book } = people(base)
  const visit = async (act) => {
    const { context, page } = await person(browser, 'desktop')
    const result = await act(new Driver(page, false))
    await context.close()
    return result
  }
  // The seeded desks close at night, and a test must not.
  await visit(administrator)
  booked = []
  for (const who of ['camille', 'amina']) booked.push(await visit((driver) => book(driver, who)))
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

async function signIn(driver, who) {
  await driver.go(`${base}/agent`)
  await driver.follow('form[action="/agent/connexion/proconnect"] button')
  await driver.follow(`button[name="personne"][value="${who}"]`)
  if (await driver.has('form[action="/agent/habilitation"]')) await driver.follow('form[action="/agent/habilitation"] button')
}

/** The address of a view that holds an appointment's day. */
async function dayOf(driver, id) {
  await driver.go(`${base}/agent/rendez-vous/${id}`)
  const address = await driver.page.$eval('main a[href^="/agent?jour="]', (link) => link.getAttribute('href'))
  return new URLSearchParams(address.split('?')[1]).get('jour')
}

let assigned = false
let number = 0
const look = (page, javaScriptEnabled, size) => async (name) => {
  // A message without words shows its name.
  assert.doesNotMatch(await page.locator('main').innerText(), /\b(agenda|assign|replace|delay|banner|counters|feed)-[a-z]+/, name)
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${name} is as wide as the screen`)
  await shot(page, ++number, `${size}-${name}`, { folder })
  // axe is a script itself.
  if (!javaScriptEnabled) return
  await assertAccessible(page, name)
  await page.emulateMedia({ colorScheme: 'dark' })
  await assertAccessible(page, `${name}, dark`)
  if (name.includes('week')) await shot(page, ++number, `${size}-${name}-dark`, { folder })
  await page.emulateMedia({ colorScheme: 'light' })
  await assertReflows(page, name)
}

for (const [size, javaScriptEnabled, locale] of [['desktop', true, 'fr-FR'], ['phone', true, 'en-GB'], ['phone', false, 'fr-FR']]) {
  test(`an administrator plans, ${size}, ${locale}, ${javaScriptEnabled ? 'with' : 'without'} scripts`, async () => {
    const { context, page, watch } = await person(browser, size, { javaScriptEnabled, locale })
    const looked = look(page, javaScriptEnabled, size)
    const driver = new Driver(page, false)
    try {
      await signIn(driver, 'admin-78')
      const [first] = booked
      const day = await dayOf(driver, first)
      await looked('the appointment')
      // Whoever comes after has had it assigned to somebody else; what is left may be tomorrow's.
      if (!assigned) assert.ok(await driver.has('.vp-upcoming a'), 'the next hearing is told')
      for (const [vue, name] of [['jour', 'the day'], ['semaine', 'the week'], ['mois', 'the month']]) {
        await driver.go(`${base}/agent?vue=${vue}&jour=${day}`)
        await looked(name)
      }
      await driver.go(`${base}/agent/feuille?jour=${day}`)
      await looked('the sheet')
      await page.emulateMedia({ media: 'print' })
      await shot(page, ++number, `${size}-sheet-printed`, { folder })
      assert.ok(!(await page.locator('header').first().isVisible()), 'paper holds the sheet alone')
      await page.emulateMedia({ media: null })

      await driver.go(`${base}/agent/affectations?jour=${day}`)
      await looked('assignments')
      await driver.follow('main form[method="post"] button[name="tout"]')
      assert.equal(await page.locator('main .fr-alert--error').count(), 1)
      await looked('assignments to mend')
      await page.selectOption('#agent', 'o-two-roles')
      await driver.follow('main form[method="post"] button[name="tout"]')
      assert.equal(await page.locator('main .fr-alert--success').count(), 1)
      assigned = true

      await driver.go(`${base}/agent/rendez-vous/${first}/affectation`)
      await looked('one assignment')
      await driver.go(`${base}/agent/rendez-vous/${first}/retard`)
      await looked('a delay')
      await driver.follow('main form[method="post"] button')
      await looked('a delay to mend')

      await driver.go(`${base}/administration/compteurs?du=${day}&au=${day}&par=jour`)
      await looked('counters')
      if (size === 'desktop') {
        const wide = await page.$$eval('.vp-numbers .fr-table__content', (tables) => tables.map((table) => table.scrollWidth - table.clientWidth))
        assert.ok(wide.length > 0 && wide.every((more) => more <= 0), `the numbers are ${wide} px wider than the screen`)
      }
      await driver.go(`${base}/administration/compteurs?du=2020-01-01`)
      await looked('counters to mend')

      await driver.go(`${base}/agent/remplacements`)
      await driver.fill('#premier_jour', '')
      await driver.follow('main form[method="get"] button')
      await looked('a replacement to mend')
      await page.selectOption('#agent', 'o-two-roles')
      await driver.fill('#premier_jour', day)
      await driver.follow('main form[method="get"] button')
      await looked('a replacement')
      await driver.follow('main form[method="post"] button[type="submit"]')
      await looked('replacements')
      await driver.follow('main form[action$="/retrait"] button')
      assert.equal(await page.locator('main form[action$="/retrait"]').count(), 0)
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}

for (const width of [1024, 1280]) {
  test(`the week is a grid at ${width} px: dragging and keys lead to the form that asks`, async () => {
    const { context, page, watch } = await person(browser, 'desktop', { viewport: { width, height: 900 } })
    const driver = new Driver(page, false)
    try {
      await signIn(driver, '78-police')
      const [, second] = booked
      const day = await dayOf(driver, second)
      const week = `${base}/agent?vue=semaine&jour=${day}`
      const entry = `.vp-grid [data-entry="${second}"]`
      const open = async () => {
        await driver.go(week)
        await driver.see(entry)
      }
      await open()
      assert.ok(!(await page.locator('[data-agenda-week]').isVisible()), 'the grid stands in place of the list')
      await shot(page, ++number, `grid-${width}`, { folder })
      await assertAccessible(page, 'the grid')
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, 'the grid, dark')
      await shot(page, ++number, `grid-${width}-dark`, { folder })
      await page.emulateMedia({ colorScheme: 'light' })

      // The list is one button away.
      await page.locator('.vp-grid__bar button').click()
      assert.ok(await page.locator('[data-agenda-week]').isVisible())
      await page.locator('.vp-grid__bar button').click()

      // In the afternoon there is room above, in the morning below.
      const before = await page.locator(`[data-agenda-week] [data-entry="${second}"]`).getAttribute('data-starts')
      const down = Number(before.slice(11, 13)) < 14
      const [away, back] = down ? ['Alt+ArrowDown', 'Alt+ArrowUp'] : ['Alt+ArrowUp', 'Alt+ArrowDown']

      // Keys: a slot away, then left alone, then two slots away and asked for.
      await page.locator(entry).focus()
      await page.keyboard.press(away)
      await driver.until(() => document.querySelector('.vp-grid [role="status"]').textContent !== '', null, 'the new place is read out')
      await page.keyboard.press('Escape')
      await page.locator(entry).focus()
      for (const key of [away, back, away, away]) {
        await page.keyboard.press(key)
        await driver.until((what) => document.activeElement?.matches(what), entry, 'the focus follows the entry')
      }
      await Promise.all([page.waitForURL(/\/deplacer/), page.keyboard.press('Enter')])

      // The mouse: dropped two slots away, the form asks; nothing has moved.
      await open()
      // A mouse reaches only what the window shows.
      await page.locator(entry).evaluate((element) => element.scrollIntoView({ block: 'center' }))
      const box = await page.locator(entry).boundingBox()
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
      await page.mouse.down()
      const far = (slots) => box.y + box.height / 2 + (down ? slots : -slots) * box.height
      await page.mouse.move(box.x + box.width / 2, far(1), { steps: 6 })
      await page.mouse.move(box.x + box.width / 2, far(2), { steps: 6 })
      await Promise.all([page.waitForURL(/\/deplacer/), page.mouse.up()])
      await open()
      assert.equal(await page.locator(`[data-agenda-week] [data-entry="${second}"]`).getAttribute('data-starts'), before)
      assertQuiet(watch)
    } finally {
      await context.close()
    }
  })
}
