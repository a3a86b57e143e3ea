// A lawyer comes into a hearing by link and code: three people in three Chromium, who
// see and hear each other through the media node, end-to-end encrypted. What a mail
// scanner with a browser of its own does to the link before harms nobody.
//
// Pictures of the lawyer's and the officer's pages are left under target/guests.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person, shot } from './lib.mjs'
import { expect, hears, media, people, sealed, testDevices } from './people.mjs'
import { root, startService } from './service.mjs'

const LAWYER = 'maitre.durand@barreau.example'
const folder = join(root, 'target/guests')

let browser
let service
before(async () => {
  service = await startService()
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

let step = 0
async function looked(driver, name) {
  step += 1
  await shot(driver.page, step, name, { folder })
  await assertAccessible(driver.page, name)
  await driver.page.emulateMedia({ colorScheme: 'dark' })
  await assertAccessible(driver.page, `${name}, dark`)
  await driver.page.emulateMedia({ colorScheme: 'light' })
  await assertReflows(driver.page, name)
}

/** The personal link in the newest mail to an address. */
async function linkTo(address) {
  const limit = Date.now() + 45_000
  for (;;) {
    const list = await (await fetch(`${service.base}/bac-a-sable/courrier`)).text()
    const card = list.split('<li').find((one) => one.includes(address))
    const path = card?.match(/\/bac-a-sable\/courrier\/[^"/]+/)?.[0]
    const mail = path === undefined ? '' : await (await fetch(`${service.base}${path}`)).text()
    const link = mail.match(/href="([^"]*\/lien\/[^"]+)"/)?.[1]
    if (link !== undefined) return link
    expect(Date.now() < limit, `a link arrives at ${address}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Opens a link as a mail scanner does: runs its scripts, fills every field, presses every button. */
async function scan(link) {
  const { context, page } = await person(browser, 'desktop')
  await page.goto(link)
  const buttons = await page.locator('main form button[type="submit"]').count()
  for (let index = 0; index < buttons; index += 1) {
    await page.goto(link)
    const fields = page.locator('main form input:not([type="hidden"])')
    for (let field = 0; field < (await fields.count()); field += 1) await fields.nth(field).fill('scan')
    await page.locator('main form button[type="submit"]').nth(index).click()
    await page.waitForLoadState('load')
    assert.equal(await page.locator('[data-call]').count(), 0, 'no scanner is in the room')
  }
  await context.close()
  return buttons
}

test('a lawyer joins a hearing by link and code, and all three see and hear each other', async () => {
  const steps = people(service.base)
  const allowed = { permissions: ['camera', 'microphone'] }
  const sides = [await person(browser, 'phone', allowed), await person(browser, 'desktop', allowed), await person(browser, 'phone', allowed)]
  const [citizen, officer, lawyer] = sides.map(({ page }) => new Driver(page, false))
  await steps.meet(citizen, officer)
  for (const side of [citizen, officer]) await hears(side, 'before the lawyer')

  // The officer invites without leaving the call.
  await officer.press('#inviter summary')
  await officer.fill('#nom', 'Maître Durand')
  await officer.fill('#contact', 'nobody')
  await officer.press('form[action$="/invites"] button')
  await officer.until(() => document.querySelector('form[action$="/invites"] [data-inline-message]')?.textContent !== '', null, 'what is wrong is said beside the form')
  await officer.fill('#nom', 'Maître Durand')
  await officer.fill('#contact', LAWYER)
  await officer.press('form[action$="/invites"] button')
  await officer.until(() => document.querySelector('.vp-code') !== null, null, 'the code is shown to the officer')
  const code = (await officer.text('.vp-code')).trim()
  assert.match(code, /^\d{3} \d{3}$/)
  assert.equal(await officer.data(media, 'state'), 'in', 'the officer is still in the call')
  await looked(officer, 'agent-invite')

  const link = await linkTo(LAWYER)
  for (let index = 0; index < 6; index += 1) expect((await scan(link)) > 0, 'the scanner finds a button')

  await lawyer.go(link)
  await looked(lawyer, 'lien-invite')
  await lawyer.fill('#code', '12')
  await lawyer.follow('main form button[type="submit"]')
  await looked(lawyer, 'code-refuse')
  await lawyer.fill('#code', code)
  await lawyer.follow('main form button[type="submit"]')
  await testDevices(lawyer)
  await lawyer.press('[data-act="join"]')
  await lawyer.until(() => document.querySelector('[data-call]').dataset.state === 'waiting', null, 'the lawyer waits')
  await looked(lawyer, 'avocat-attend')
  await officer.until(() => /Maître Durand/.test(document.querySelector('[data-live="people"]').innerText), null, 'the officer sees who waits')
  await officer.press('form[action$="/admettre"] button')
  await lawyer.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the lawyer is in')

  const three = [citizen, officer, lawyer]
  for (const driver of three) {
    await driver.until(() => [...document.querySelectorAll('[data-participant]:not([data-call])')].filter((tile) => Number(tile.dataset.framesDecoded) > 10 && Number(tile.dataset.audioEnergy) > 0).length === 2, null, 'both others are seen and heard')
  }
  const words = await sealed(three, 'with the lawyer')
  console.log(`   all three read the check words « ${words} »`)
  await looked(lawyer, 'avocat-en-audition')
  await looked(officer, 'agent-a-trois')
  await looked(citizen, 'usager-a-trois')

  // Taken back, the lawyer is out; the others go on.
  await officer.press('form[action$="/invites/retirer"] button')
  await lawyer.until(() => ['ended', 'refused'].includes(document.querySelector('[data-call]').dataset.state), null, 'the lawyer is out')
  for (const side of [citizen, officer]) await hears(side, 'after the lawyer')
  for (const { watch } of sides) assertQuiet(watch)
  for (const { context } of sides) await context.close()
})
