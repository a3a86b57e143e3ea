// Makes the README's pictures from those that the journey left:
//
//   make journey && node tests/browser/pictures.mjs
//
// The first screenful of some steps, as small WebP files under docs/screenshots.

import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { journeyFolder, launchChromium } from './lib.mjs'

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../docs/screenshots')
const limit = 150_000

/** Step of the journey, and the part of its picture, in CSS pixels: width, height, distance from the top. */
const wanted = {
  accueil: [390, 844, 0],
  creneaux: [390, 844, 200],
  'audition-usager': [390, 844, 0],
  relecture: [390, 844, 640],
  agenda: [1280, 800, 0],
  'audition-agent': [1280, 1000, 0],
}

const steps = new Map((await readdir(journeyFolder)).map((file) => [file.replace(/^\d+-|\.png$/g, ''), file]))
await mkdir(folder, { recursive: true })
const browser = await launchChromium()
try {
  const page = await browser.newPage()
  for (const [step, [width, height, top]] of Object.entries(wanted)) {
    const file = steps.get(step)
    if (file === undefined) throw new Error(`the journey left no picture of ${step}`)
    const png = (await readFile(join(journeyFolder, file))).toString('base64')
    const webp = await page.evaluate(
      async ({ png, width, height, top }) => {
        const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
        const scale = picture.width / width
        const canvas = new OffscreenCanvas(width, height)
        canvas.getContext('2d').drawImage(picture, 0, top * scale, picture.width, height * scale, 0, 0, width, height)
        const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })).arrayBuffer())
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
      },
      { png, width, height, top },
    )
    const bytes = Buffer.from(webp, 'base64')
    if (bytes.length > limit) throw new Error(`${step} takes ${bytes.length} bytes`)
    await writeFile(join(folder, `${step}.webp`), bytes)
    console.log(`${step.padEnd(18)} ${(bytes.length / 1000).toFixed(0).padStart(4)} kB  from ${file}`)
  }
} finally {
  await browser.close()
}
