// A person without FranceConnect, in Chromium: the officer's form on a computer and on a
// phone, then the person's way in by link and code, as axe in both themes and a narrow
// screen find each page; once with keys alone, once without a script. Pictures are left
// under target/assisted.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person, shot } from './lib.mjs'
import { people } from './people.mjs'
import { root, startService } from './service.mjs'

const folder = join(root, 'target/assisted')
const NUMBER = '+33639984040'

let browser
let service
before(async () => {
  service = await startService()
  browser = await launchChromium()
  // The seeded desks close at night, and a test must not.
  const { context, page } = await person(browser, 'desktop')
  await people(service.base).administrator(new Driver(page, false))
  await context.close()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

let number = 0
const look = (scripted) => async (driver, name) => {
  // A message without words shows its name.
  assert.doesNotMatch(await driver.page.locator('main').innerText(), /\b(agenda|assisted|declared|identity|booking)-[a-z]+/, name)
  number += 1
  await shot(driver.page, number, name, { folder })
  assert.ok(await driver.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${name} is as wide as the screen`)
  // axe is a script of the page's own world, where none runs.
  if (!scripted) return
  for (const colorScheme of ['dark', 'light']) {
    await driver.page.emulateMedia({ colorScheme })
    await assertAccessible(driver.page, `${name}, ${colorScheme}`)
  }
  await assertReflows(driver.page, name)
}

/** What the sandbox's telephone shows, newest first. */
async function texts(pattern) {
  const list = await (await fetch(`${service.base}/bac-a-sable/sms`)).text()
  return list.split('<li').filter((one) => one.includes(NUMBER)).map((one) => one.match(pattern)?.[1]).filter((found) => found !== undefined)
}

/** Waits for one more text than there were. */
async function oneMore(pattern, before) {
  const limit = Date.now() + 45_000
  for (;;) {
    const now = await texts(pattern)
    if (now.length > before) return now[0]
    assert.ok(Date.now() < limit, `a text like ${pattern} arrives`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const LINK = /href="([^"]*\/lien\/[^"]+)"/
const CODE = /code d(?:&#39;|&#x27;|')entrée est (?:<[^>]+>)?(\d{6})/

/** Reaches a control with the tabulator, as somebody without a mouse does. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 120; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`no key leads to ${selector}`)
}

for (const { size, javaScriptEnabled } of [{ size: 'desktop', javaScriptEnabled: true }, { size: 'phone', javaScriptEnabled: false }]) {
  test(`an officer books for a person who comes by link and code, on a ${size}${javaScriptEnabled ? '' : ', without a script'}`, async () => {
    const looked = look(javaScriptEnabled)
    const officerSide = await person(browser, size, { javaScriptEnabled })
    const officer = new Driver(officerSide.page, false)
    await officer.go(`${service.base}/agent`)
    await officer.follow('form[action="/agent/connexion/proconnect"] button')
    await officer.follow('button[name="personne"][value="78-police"]')
    await officer.follow('main a[href="/agent/rendez-vous/nouveau"]')
    await looked(officer, `${size}-creneaux`)
    await officer.follow('main a[href*="/confirmer?creneau="]')
    await looked(officer, `${size}-formulaire`)
    await officer.follow('main form button[type="submit"]')
    assert.match(await officer.page.title(), /^Erreur/)
    await looked(officer, `${size}-erreurs`)
    for (const [field, value] of Object.entries({
      nom: 'BÉNARD', prenoms: `Lucie ${size}`, naissance: '1951-06-02', lieu_naissance: 'Oran',
      telephone: '06 39 98 40 40', adresse: '3 rue des Lilas', commune: 'Versailles',
    })) await officer.page.fill(`#${field}`, value)
    await officer.page.check('input[name="sexe"][value="female"]', { force: true })
    await officer.page.selectOption('#nature', 'vol')
    const links = (await texts(LINK)).length
    const codes = (await texts(CODE)).length
    await tabTo(officer.page, 'main form button[type="submit"]')
    await Promise.all([officer.page.waitForNavigation(), officer.page.keyboard.press('Enter')])
    assert.match(officer.page.url(), /\?fait=pris$/)
    await looked(officer, `${size}-pris`)

    const personSide = await person(browser, 'phone', { javaScriptEnabled })
    const lucie = new Driver(personSide.page, false)
    await lucie.go(await oneMore(LINK, links))
    await looked(lucie, `${size}-lien`)
    await tabTo(lucie.page, 'form[action$="/code"] button')
    await Promise.all([lucie.page.waitForNavigation(), lucie.page.keyboard.press('Enter')])
    await looked(lucie, `${size}-code`)
    await lucie.page.fill('#code', '12')
    await lucie.follow('main form:has(#code) button')
    await looked(lucie, `${size}-code-refuse`)
    await lucie.page.fill('#code', await oneMore(CODE, codes))
    await lucie.follow('main form:has(#code) button')
    assert.match(new URL(lucie.page.url()).pathname, /^\/(rendez-vous|audition)\//)
    await looked(lucie, `${size}-chez-elle`)
    for (const { watch, context } of [officerSide, personSide]) {
      assertQuiet(watch)
      await context.close()
    }
  })
}
