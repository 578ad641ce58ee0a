// The sound of the microphone in blocks of 20 to 40 ms, each behind the number of its first sample.

const BLOCK_S = 0.03;
const PAUSED_S = 0.5; // a paused page says from time to time that it is still there

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.max(1, Math.round((sampleRate * BLOCK_S) / 128)) * 128;
    this.paused = false;
    this.ended = false;
    this.told = 0;
    this.used = 0;
    this.port.onmessage = ({ data }) => {
      if (data === "stop") {
        this.send();
        this.port.postMessage("stopped");
        this.ended = true;
      } else {
        this.send();
        this.paused = data === "pause";
        this.tell();
      }
    };
  }

  process([channels]) {
    if (this.ended) return false;
    const samples = channels[0];
    if (this.paused || !samples) {
      if (currentFrame - this.told >= PAUSED_S * sampleRate) this.tell();
      return true;
    }
    if (this.used === 0) this.begin();
    this.block.set(samples, this.used);
    this.used += samples.length;
    if (this.used >= this.size) this.send();
    return true;
  }

  begin() {
    // 64-bit number of the first sample, 32-bit samples; little-endian, as everywhere a browser runs
    this.message = new ArrayBuffer(8 + 4 * (this.size + 128));
    new DataView(this.message).setFloat64(0, currentFrame, true);
    this.block = new Float32Array(this.message, 8);
  }

  send() {
    if (this.used === 0) return;
    const message = this.message.slice(0, 8 + 4 * this.used);
    this.used = 0;
    this.port.postMessage(message, [message]);
  }

  tell() {
    const message = new ArrayBuffer(8);
    new DataView(message).setFloat64(0, currentFrame, true);
    this.told = currentFrame;
    this.port.postMessage(message, [message]);
  }
}

registerProcessor("capture", Capture);
