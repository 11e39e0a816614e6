/** A far end by Chromium: answers offers by POST, and sends the caller's audio back as it heard it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';
import { answerThere } from './chromium-page.js';

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--headless=new',
    '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    '--autoplay-policy=no-user-gesture-required',
  ],
});
const page = await browser.newPage();

const server = createServer((request, response) => {
  void text(request).then(async (offer) => {
    const answer = await page.evaluate(answerThere, offer);
    response.writeHead(201, { 'content-type': 'application/sdp' }).end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
