// "Quitter vite ce site": leaves at once and puts the neutral site in this
// page's place, so that "back" does not return here. Without a script the same
// element is an ordinary link.

export function attachQuickExit(root: ParentNode): void {
  for (const link of root.querySelectorAll<HTMLAnchorElement>('a[data-quick-exit]')) {
    link.addEventListener('click', (event) => {
      event.preventDefault()
      // What is on the screen goes before the network answers.
      document.body.replaceChildren()
      document.title = ''
      window.location.replace(link.href)
    })
  }
}
