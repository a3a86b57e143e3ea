// What this browser can do beyond the basics, in the words of a `join`: asked of
// the browser itself, never guessed from its name. What is told here, the node
// may put into its offers, and the browser then answers them by itself.

import type { Can, VideoCodec } from './protocol'

type Codec = Pick<RTCRtpCodec, 'mimeType' | 'sdpFmtpLine'>
type Kind = 'audio' | 'video'

/** What a browser says of itself. */
export interface Abilities {
  /** The codecs that it can send, and those that it can receive; none where it does not say. */
  sends(kind: Kind): Codec[]
  receives(kind: Kind): Codec[]
  /** Whether it sends one camera in two sizes. */
  layers: boolean
}

/** The one form of each codec that the node offers (`signaling/src/lean/sdp.rs`). */
const forms: Record<VideoCodec, (parameters: URLSearchParams) => boolean> = {
  vp9: (parameters) => (parameters.get('profile-id') ?? '0') === '0',
  // Constrained baseline, of any level, in packets that share a picture.
  h264: (parameters) => parameters.get('packetization-mode') === '1' && /^42e0/i.test(parameters.get('profile-level-id') ?? ''),
  av1: (parameters) => (parameters.get('profile') ?? '0') === '0',
}

/** `encryption`: whether the page can encrypt end to end. */
export function can({ sends, receives, layers }: Abilities, encryption: boolean): Can {
  const both = (kind: Kind, is: (codec: Codec) => boolean) => sends(kind).some(is) && receives(kind).some(is)
  const codecs = (Object.keys(forms) as VideoCodec[]).filter((name) => both('video', ({ mimeType, sdpFmtpLine }) => mimeType.toLowerCase() === `video/${name}` && forms[name](parametersOf(sdpFmtpLine))))
  return {
    ...(codecs.length > 0 ? { codecs } : {}),
    ...(both('audio', ({ mimeType }) => mimeType.toLowerCase() === 'audio/red') ? { redundancy: 1 } : {}),
    ...(layers ? { simulcast: 1 } : {}),
    ...(encryption ? { encryption: 1 } : {}),
  }
}

/** This page's browser. */
export function thisBrowser(): Abilities {
  const of = (end: Pick<typeof RTCRtpSender, 'getCapabilities'>) => (kind: Kind) => end.getCapabilities?.(kind)?.codecs ?? []
  return { sends: of(RTCRtpSender), receives: of(RTCRtpReceiver), layers: sendsLayers() }
}

/** No browser says whether it sends two sizes; one that does keeps both when it is asked to. */
function sendsLayers(): boolean {
  const connection = new RTCPeerConnection()
  try {
    const { sender } = connection.addTransceiver('video', { direction: 'sendonly', sendEncodings: [{ rid: 'l' }, { rid: 'h' }] })
    return sender.getParameters().encodings?.length === 2
  } catch {
    return false
  } finally {
    connection.close()
  }
}

/** "a=1;b=2", as a line of parameters stands in a session description. */
function parametersOf(line = ''): URLSearchParams {
  return new URLSearchParams(line.replaceAll(/;\s*/g, '&'))
}
