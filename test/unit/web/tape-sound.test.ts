import { describe, expect, it } from 'vitest';
import { TapeSound } from '../../../web/js/tests/tape-sound.js';

function rig() {
  const loads: Array<PromiseWithResolvers<string>> = [];
  const freed: string[] = [];
  const audio = {
    src: '',
    currentTime: 0,
    paused: true,
    async play() {
      audio.paused = false;
    },
    pause() {
      audio.paused = true;
    },
  };
  const load = () => {
    const one = Promise.withResolvers<string>();
    loads.push(one);
    return one.promise;
  };
  return { audio, loads, freed, sound: new TapeSound(audio, load, (url) => void freed.push(url)) };
}

describe('the sound of a tape', () => {
  it('is asked for once, and begins where one is when it is there', async () => {
    const { audio, loads, sound } = rig();
    let at = 0;
    const both = [sound.play(() => at), sound.play(() => at)];
    at = 2_500;
    loads[0]?.resolve('blob:1');
    await Promise.all(both);
    expect(loads).toHaveLength(1);
    expect(audio).toMatchObject({ src: 'blob:1', currentTime: 2.5, paused: false });
  });

  it('is not heard, and kept nowhere, when its player is gone before it comes', async () => {
    const { audio, loads, freed, sound } = rig();
    const playing = sound.play(() => 0);
    sound.close();
    loads[0]?.resolve('blob:1');
    await playing;
    expect(audio).toMatchObject({ src: '', paused: true });
    expect(freed).toEqual(['blob:1']);
  });

  it('is asked for again when it could not be had', async () => {
    const { audio, loads, sound } = rig();
    const first = sound.play(() => 0);
    loads[0]?.reject(new Error('offline'));
    await expect(first).rejects.toThrow('offline');
    const second = sound.play(() => 0);
    loads[1]?.resolve('blob:2');
    await second;
    expect(audio.paused).toBe(false);
  });
});
