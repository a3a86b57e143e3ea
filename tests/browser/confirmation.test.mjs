// "Is this you?" in Chromium, where the browser knew somebody else: as axe in both themes,
// a narrow screen and the keyboard find it, with both of its answers.

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

/** Signs in by the page with the provider's button. */
async function signsIn(driver, login, provider, who) {
  await driver.go(`${base}${login}`)
  await driver.follow(`form[action="${provider}"] button`)
  await driver.follow(`button[name="personne"][value="${who}"]`)
}

test('whoever signs in where somebody else was says first that it is them', async () => {
  const here = await person(browser, 'desktop')
  const driver = new Driver(here.page, false)
  const looked = async (name) => {
    await assertAccessible(here.page, name)
    await here.page.emulateMedia({ colorScheme: 'dark' })
    await assertAccessible(here.page, `${name}, dark`)
    await here.page.emulateMedia({ colorScheme: 'light' })
    await assertReflows(here.page, name)
  }
  await signsIn(driver, '/connexion', '/connexion/franceconnect', 'camille')
  await signsIn(driver, '/agent/connexion', '/agent/connexion/proconnect', '78-police')
  assert.equal(new URL(here.page.url()).pathname, '/agent/habilitation')
  assert.match(await here.page.innerText('main'), /Sarah Delmas/)
  await looked('an officer is asked')
  await driver.follow('form[action="/agent/habilitation"] button')
  assert.equal(new URL(here.page.url()).pathname, '/agent')

  await signsIn(driver, '/connexion', '/connexion/franceconnect', 'amina')
  assert.equal(new URL(here.page.url()).pathname, '/connexion/personne')
  assert.match(await here.page.innerText('main'), /BENHADDOU/)
  await looked('a citizen is asked')
  await here.page.locator('main form[action="/deconnexion"] button').focus()
  await Promise.all([here.page.waitForURL(/connexion\?sortie=1$/), here.page.keyboard.press('Enter')])
  await looked('the former account is signed out')
  await driver.follow('form[action="/connexion/franceconnect"] button')
  await driver.follow('button[name="personne"][value="zoe"]')
  assert.equal(new URL(here.page.url()).pathname, '/espace')
  assertQuiet(here.watch)
})
