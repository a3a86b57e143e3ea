// What this browser can do beyond what every browser must, as it is said to the
// node with every `join`. Asked of the browser itself, never read from its name.

import type { Can } from './protocol'

/** Without end-to-end encryption, which knows best itself whether it can. */
export function abilities(): Can {
  return takesTwoSizes() ? { simulcast: 1 } : {}
}

/** Whether a camera can be sent in two sizes named by rid, each started and stopped. */
function takesTwoSizes(): boolean {
  if (typeof RTCPeerConnection === 'undefined') return false
  const connection = new RTCPeerConnection()
  try {
    const sendEncodings = [{ rid: 'l', scaleResolutionDownBy: 2 }, { rid: 'h' }]
    const { sender } = connection.addTransceiver('video', { direction: 'sendonly', sendEncodings })
    return sender.getParameters().encodings?.length === 2
  } catch {
    return false
  } finally {
    connection.close()
  }
}
