// The list of one's own sessions in Chromium: as axe, a narrow screen and the
// keyboard find it, and with a browser's own name for itself.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, person } from './lib.mjs'
import { startService } from './service.mjs'

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

const sides = [
  { who: 'camille', home: '/espace', login: '/connexion', provider: '/connexion/franceconnect' },
  { who: '78-police', home: '/agent', login: '/agent/connexion', provider: '/agent/connexion/proconnect' },
]

/** Goes to a page of somebody's own, and through the provider on the way. */
async function signsIn(page, { who, home, provider }) {
  const driver = new Driver(page, false)
  await driver.go(`${base}${home}`)
  await driver.follow(`form[action="${provider}"] button`)
  await driver.follow(`button[name="personne"][value="${who}"]`)
  return driver
}

/** Moves the focus by Tab until it is on what a selector finds, and presses Enter. */
async function entersByKeyboard(page, selector) {
  await page.waitForSelector(selector, { state: 'attached' })
  for (let steps = 0; steps < 100; steps += 1) {
    await page.keyboard.press('Tab')
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) {
      await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')])
      return
    }
  }
  assert.fail(`the keyboard does not reach ${selector}`)
}

for (const side of sides) {
  test(`the sessions of ${side.who} are seen and ended by keyboard, without a violation`, async () => {
    const here = await person(browser, 'desktop')
    const there = await person(browser, 'phone', { userAgent: 'Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0' })
    const looked = async (name) => {
      await assertAccessible(here.page, name)
      await here.page.emulateMedia({ colorScheme: 'dark' })
      await assertAccessible(here.page, `${name}, dark`)
      await here.page.emulateMedia({ colorScheme: 'light' })
      await assertReflows(here.page, name)
    }
    try {
      const driver = await signsIn(here.page, side)
      await entersByKeyboard(here.page, `main a[href="${side.home}/sessions"]`)
      assert.equal(await here.page.locator('main .vp-empty').count(), 1)
      await looked('the only session')
      await signsIn(there.page, side)
      await driver.go(`${base}${side.home}/sessions`)
      assert.match(await driver.text('main'), /Chrome sur Linux[\s\S]*Firefox sur Android/)
      await looked('two sessions')
      await entersByKeyboard(here.page, 'main a[href$="/fermer"]:not([href*="/les-autres/"])')
      await looked('the question')
      await entersByKeyboard(here.page, 'main form[action$="/fermer"] button')
      assert.equal(await here.page.locator('main .fr-alert--success').count(), 1)
      await looked('the answer')
      await there.page.goto(`${base}${side.home}`)
      assert.equal(new URL(there.page.url()).pathname, side.login)
      for (const { watch } of [here, there]) assertQuiet(watch)
    } finally {
      await here.context.close()
      await there.context.close()
    }
  })
}

test('sessions are ended without a script too', async () => {
  const [side] = sides
  const here = await person(browser, 'phone', { javaScriptEnabled: false })
  const there = await person(browser, 'desktop')
  try {
    const driver = await signsIn(here.page, side)
    await signsIn(there.page, side)
    await driver.go(`${base}/espace/sessions`)
    await driver.follow('main a[href$="/les-autres/fermer"]')
    await driver.follow('main form[action$="/les-autres/fermer"] button')
    assert.equal(await here.page.locator('main .vp-empty').count(), 1)
    await there.page.goto(`${base}/espace`)
    assert.equal(new URL(there.page.url()).pathname, '/connexion')
  } finally {
    await here.context.close()
    await there.context.close()
  }
})
