// Asks a server as programs in JavaScript do; prints what it saw as JSON. usage: node ollama.mjs URL
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.TAEL_CLIENTS}/package.json`);
const { Ollama } = require('ollama');

const tools = [{
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
}];
const ask = (content) => ({ model: 'parrot', messages: [{ role: 'user', content }] });

const api = new Ollama({ host: process.argv[2] });
const seen = {};
seen.whole = (await api.chat(ask('plain'))).message.content;
seen.stream = '';
for await (const part of await api.chat({ ...ask('unicode'), stream: true })) {
  seen.stream += part.message.content;
}
const called = await api.chat({ ...ask('weather'), tools });
const { name, arguments: input } = called.message.tool_calls[0].function;
seen.call = { name, arguments: input };
try {
  await api.chat({ ...ask('plain'), model: 'absent' });
} catch (error) {
  seen.error = error.status_code;
}
console.log(JSON.stringify(seen));
