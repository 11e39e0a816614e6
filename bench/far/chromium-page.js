/**
 * Runs in the page, where none of this file's surroundings are: answers an offer by a connection that sends back what it hears.
 * @param {string} offer
 * @returns {Promise<string>}
 */
export const answerThere = async (offer) => {
  const pc = new RTCPeerConnection();
  // Only what is also played is decoded there.
  const context = new AudioContext();
  pc.ontrack = ({ track }) => {
    const stream = new MediaStream([track]);
    const silent = new Audio();
    silent.srcObject = stream;
    silent.muted = true;
    void silent.play();
    const back = context.createMediaStreamDestination();
    context.createMediaStreamSource(stream).connect(back);
    void pc.getTransceivers()[0]?.sender.replaceTrack(back.stream.getAudioTracks()[0] ?? null);
  };
  await pc.setRemoteDescription({ type: 'offer', sdp: offer });
  const transceiver = pc.getTransceivers()[0];
  if (transceiver !== undefined) transceiver.direction = 'sendrecv';
  await pc.setLocalDescription(await pc.createAnswer());
  if (pc.iceGatheringState !== 'complete')
    await new Promise((resolve) => {
      setTimeout(resolve, 1_000);
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
    });
  return pc.localDescription?.sdp ?? '';
};
