// The calendar an officer subscribes to, read by a program that is none of ours
// (ical.js), and the page that gives its address, in Chromium.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { join } from 'node:path'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person, shot } from './lib.mjs'
import { people } from './people.mjs'
import { root, startService } from './service.mjs'

const { default: ICAL } = await import(createRequire(join(root, 'web/package.json')).resolve('ical.js'))

let browser
let service
let base
before(async () => {
  service = await startService()
  base = service.base
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

test('another program reads the calendar as RFC 5545, and finds hours, references and desks', async () => {
  const { administrator, book } = people(base)
  const visits = async (act) => {
    const { context, page } = await person(browser, 'phone')
    const result = await act(new Driver(page, false), page)
    await context.close()
    return result
  }
  await visits(administrator)
  const booked = []
  for (const who of ['camille', 'amina']) booked.push(await visits((driver) => book(driver, who)))
  const { context, page, watch } = await person(browser, 'phone')
  const driver = new Driver(page, false)
  try {
    await driver.go(`${base}/agent/calendriers`)
    await driver.follow('form[action="/agent/connexion/proconnect"] button')
    await driver.follow('button[name="personne"][value="78-police"]')
    const looked = async (name) => {
      await assertAccessible(page, name)
      await page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(page, `${name}, dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(page, name)
      await shot(page, 1, name, { folder: join(root, 'target/feeds') })
    }
    await looked('no-address')
    await driver.follow('main button[name="portee"][value="unite"]')
    await looked('the-address')
    const address = await page.inputValue('#adresse')
    const answer = await fetch(address)
    assert.equal(answer.headers.get('content-type'), 'text/calendar; charset=utf-8')
    const text = await answer.text()
    for (const line of text.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 75, `a folded line, not ${line}`)

    const calendar = new ICAL.Component(ICAL.parse(text))
    assert.equal(calendar.name, 'vcalendar')
    assert.equal(calendar.getFirstPropertyValue('version'), '2.0')
    assert.ok(calendar.getFirstPropertyValue('prodid'))
    const events = calendar.getAllSubcomponents('vevent').map((component) => new ICAL.Event(component))
    assert.deepEqual(new Set(events.map(({ uid }) => uid)), new Set(booked.map((id) => `${id}-unite@visioplainte`)))
    for (const { summary, startDate, endDate, component } of events) {
      assert.match(summary, /^VP-[0-9A-Z]{4}-[0-9A-Z]{4} – /)
      assert.equal(endDate.subtractDate(startDate).toSeconds(), 1800)
      assert.equal(startDate.zone.tzid, 'UTC')
      assert.ok(startDate.toJSDate() > new Date())
      const names = component.getAllProperties().map(({ name }) => name)
      assert.deepEqual(new Set(names), new Set(['uid', 'dtstamp', 'summary', 'dtstart', 'dtend', 'sequence', 'status']))
    }
    await driver.follow('main form[action$="/revocation"] button')
    assert.equal((await fetch(address)).status, 404)
    assertQuiet(watch)
  } finally {
    await context.close()
  }
})
