### The hearing's video call: device test, waiting, talking, end.

call-region = Video call
call-self-view = Your own picture
call-self-note = You
call-controls = Call controls
call-noscript-title = The video call needs JavaScript
call-noscript-text = Turn JavaScript on in your browser and reload the page, or choose another way:

call-test-title = Let us check your camera and microphone
call-test-text = Settle in a quiet place where nobody can overhear you. Nobody else sees you yet.
call-preview-empty = Your picture will appear here
call-allow = Allow camera and microphone
call-level = Speak: the bar should move
call-silence = We hear nothing. Speak up, or choose another microphone.
call-camera = Camera
call-microphone = Microphone
call-chime = Try the sound
call-join = Enter the waiting room
call-join-officer = Join the hearing
call-never-recorded = The call is encrypted. Neither picture nor sound is ever recorded.

call-status-test = You are not connected yet.
call-status-connecting = Connecting…
call-status-connecting-long = Connecting takes a while. Check your network; we keep trying.
call-status-waiting = You are in the waiting room. Stay on this page: the officer will let you in.
call-status-waiting-officer = You are waiting to enter the hearing.
call-status-in = You are in the call.
call-status-alone = The officer is not connected at the moment. Stay on this page.
call-status-alone-officer = The person is not connected at the moment.
call-status-aside = You are in a private talk: the others do not hear you.
call-status-paused = The hearing is paused. Neither your picture nor your voice is sent.
call-status-reconnecting = The connection broke. It will come back by itself.
call-status-full = All places for the video are taken at the moment. Keep this page open: it tries again by itself.
call-status-reconnecting-long = The connection is still broken. Check your network; we keep trying.
call-status-blocked = Your network lets neither sound nor image through. Change networks, for example with your phone’s hotspot, or switch off your VPN; we are still trying.
call-status-ended = The hearing is over.
call-status-left = You left the hearing. You can come back.
call-status-replaced = The hearing is open in another window or on another device. You can take it up again here.
call-status-refused = We cannot let you in. Go back to the previous page to see what to do.
call-refused-not-in-room = You are no longer part of this hearing.
call-start-sound = Turn the sound on

call-quality-good = Good connection
call-quality-medium = Fair connection
call-quality-poor = Poor connection: move closer to the Wi-Fi, or turn your camera off

call-mute-on = Mute
call-mute-off = Unmute
call-mute-said-on = Your microphone is on.
call-mute-said-off = Your microphone is off.
call-camera-on = Turn camera off
call-camera-off = Turn camera on
call-camera-said-on = Your camera is on.
call-camera-said-off = Your camera is off.
call-devices = Devices
call-leave = Leave
call-over-title = Video call over
call-rejoin = Return to the hearing
call-back = Back to my file

call-tile-away = is not connected
call-tile-muted = microphone off
call-tile-no-image = camera off
call-tile-muted-no-image = microphone and camera off
call-tile-narrow = picture on hold: your connection carries the sound only
call-tile-muted-narrow = microphone off, picture on hold: your connection is too slow
call-said-came = has arrived.
call-said-went = lost the connection.
call-said-muted = turned the microphone off.
call-said-unmuted = turned the microphone on.

call-problem-video-denied = Access to the camera is refused.
call-problem-video-none = We find no camera. Plug one in, or use your phone.
call-problem-video-busy = Another application uses the camera. Close it, then try again.
call-problem-video-failed = The camera does not answer. Unplug it and plug it in again, or restart the device.
call-problem-audio-denied = Access to the microphone is refused.
call-problem-audio-none = We find no microphone. Plug one in, or use your phone.
call-problem-audio-busy = Another application uses the microphone. Close it, then try again.
call-problem-audio-failed = The microphone does not answer. Unplug it and plug it in again, or restart the device.
call-problem-unsupported = This browser cannot make video calls. Open this page in Firefox, Chrome, Edge or Safari.
call-problem-insecure = The video call needs a secure address, one that starts with https.
call-help-ios = On iPhone or iPad: tap the button on the left of the address, then “Website Settings”, and allow the camera and microphone.
call-help-android = On Android: tap the icon on the left of the address, then “Permissions”, and allow the camera and microphone.
call-help-firefox = In Firefox: click the crossed-out camera or microphone on the left of the address and lift the block.
call-help-chromium = Click the icon on the left of the address, allow the camera and microphone, and try again.
call-help-safari = In Safari: “Safari” menu, “Settings for This Website”, allow the camera and microphone.
call-help-other = In your browser’s settings, allow this site to use the camera and microphone.

# End-to-end encryption. The four words are always French: they are compared.
call-sealing-setting-up = Setting up end-to-end encryption…
call-sealing-sealed = End-to-end encrypted
call-sealing-words = Check words: read them aloud. They are in French for everyone.
call-sealing-words-help = If the other person sees the same words, nobody listens or watches in between. If they differ, end the call. The words change when somebody arrives or leaves.
call-sealing-help = When the call is end-to-end encrypted, your image and voice can be seen and heard only by the people present, not by the server that carries them.
call-sealing-limits = In any case the exchange is encrypted between your device and our server, and it is never recorded.
call-sealing-clear-browser = This call is not end-to-end encrypted: a browser cannot do it
call-sealing-clear-browser-own = This call is not end-to-end encrypted: your browser cannot do it
call-sealing-clear-setup-own = This call is not end-to-end encrypted: the encryption could not start on your device
call-sealing-clear-server-own = This call is not end-to-end encrypted: the server refused it
call-sealing-refused-stalled = End-to-end encryption does not come about with everyone. Nothing is sent without it; we keep trying.
call-sealing-refused-mismatch = Careful: the encryption does not match the people present. Your image and voice are no longer sent.
call-sealing-refused-bypassed = End-to-end encryption does not work in this browser. Your image and voice are no longer sent. Reload the page, or use another browser.
