// Asks a server as programs in JavaScript do; prints what it saw as JSON. usage: node anthropic.mjs URL
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.TAEL_CLIENTS}/package.json`);
const Anthropic = require('@anthropic-ai/sdk').default;

const tools = [{
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
}];
const ask = (content) => ({ model: 'parrot', max_tokens: 200, messages: [{ role: 'user', content }] });

const api = new Anthropic({ baseURL: process.argv[2], apiKey: 'any', maxRetries: 0 });
const seen = {};
seen.whole = (await api.messages.create(ask('plain'))).content[0].text;
seen.stream = await api.messages.stream(ask('unicode')).finalText();
const called = await api.messages.stream({ ...ask('weather'), tools }).finalMessage();
const { name, input } = called.content.at(-1);
seen.call = { name, input };
try {
  await api.messages.create({ ...ask('plain'), model: 'absent' });
} catch (error) {
  seen.error = error.status;
}
console.log(JSON.stringify(seen));
