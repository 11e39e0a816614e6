/** Line icons, 20 by 20, drawn in the colour of the text around them. They decorate: what they stand for is always said in words too. */

const PATHS = {
  phone:
    'M4 3h3l1.5 4L6.7 8.4a11 11 0 0 0 4.9 4.9L13 11.5l4 1.5v3a1.5 1.5 0 0 1-1.6 1.5A13.5 13.5 0 0 1 2.5 4.6 1.5 1.5 0 0 1 4 3Z',
  hangUp: 'M2.5 11.5c4.2-4.3 10.8-4.3 15 0l-2 2.2-3-1.5v-2a8 8 0 0 0-5 0v2l-3 1.5-2-2.2Z',
  transfer: 'M3 7h12m-3.5-3.5L15 7l-3.5 3.5M17 13H5m3.5 3.5L5 13l3.5-3.5',
  keypad: 'M5 4.5h.01M10 4.5h.01M15 4.5h.01M5 9.5h.01M10 9.5h.01M15 9.5h.01M5 14.5h.01M10 14.5h.01M15 14.5h.01',
  send: 'M3 10 17 3.5 13.5 17 9.5 11.5 3 10Zm6.5 1.5L17 3.5',
  sun: 'M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M16 4l-1.4 1.4M5.4 14.6 4 16',
  moon: 'M16.5 12A7 7 0 0 1 8 3.5 7 7 0 1 0 16.5 12Z',
  search: 'M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11Zm4 9.5 4 4',
  play: 'M6 3.5v13l10.5-6.5L6 3.5Z',
  pause: 'M6 4v12M14 4v12',
  download: 'M10 3v9.5m-4-4 4 4 4-4M4 16.5h12',
  back: 'M12.5 4 6.5 10l6 6',
  tool: 'M12.5 3.2a4 4 0 0 0-4.7 5.3L3.2 13a1.9 1.9 0 0 0 0 2.7l1.1 1.1a1.9 1.9 0 0 0 2.7 0l4.5-4.6a4 4 0 0 0 5.3-4.7l-2.6 2.6-2.9-1.4-.4-2.6 2.6-2.6Z',
  warning: 'M10 3 18 16.5H2L10 3Zm0 5v4m0 2.2v.1',
  bargeIn: 'M3 10h2.5M8 5v10M11.5 7.5v5M15 4.5v11M17.5 10h.1',
  signOut: 'M8 3.5H4.5A1 1 0 0 0 3.5 4.5v11a1 1 0 0 0 1 1H8M8.5 10h8m-3-3 3 3-3 3',
  close: 'M5 5l10 10M15 5 5 15',
  ear: 'M6 8a4 4 0 1 1 8 0c0 3-2.6 3.6-2.6 6a2.4 2.4 0 0 1-4.4 1.3M8.4 8a1.6 1.6 0 1 1 3.2 0c0 1.4-1.6 1.6-1.6 3',
  people:
    'M7.5 4a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM2.5 16.5c0-3 2.2-4.5 5-4.5s5 1.5 5 4.5M13 4.3a2.6 2.6 0 0 1 0 5M14.5 12.3c2 .5 3.2 2 3.2 4.2',
  record: 'M10 5.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Z',
  copy: 'M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5V7Z',
  microphone:
    'M10 2.5a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0V5A2.5 2.5 0 0 1 10 2.5ZM4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.5',
  microphoneOff:
    'M12.5 8V5a2.5 2.5 0 0 0-4.9-.7M7.5 7.5V10a2.5 2.5 0 0 0 4 2M4.5 9.5a5.5 5.5 0 0 0 8.8 4.4M15.5 9.5c0 .8-.2 1.6-.5 2.3M10 15v2.5M3 3l14 14',
  speaker: 'M3 7.5v5h3l4 3.5v-12l-4 3.5H3ZM13 7.5a3.5 3.5 0 0 1 0 5M15.3 5a7 7 0 0 1 0 10',
  speakerOff: 'M3 7.5v5h3l4 3.5v-12l-4 3.5H3ZM13 8l4 4M17 8l-4 4',
  info: 'M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15Zm0 6.5v5m0-7.5v.1',
};

/** @typedef {keyof typeof PATHS} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: '0 0 20 20',
    width: '18',
    height: '18',
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': name === 'keypad' ? '2.2' : '1.6',
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round',
    'aria-hidden': 'true',
  }))
    svg.setAttribute(key, value);
  svg.classList.add('icon');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
