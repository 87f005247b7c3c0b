// Makes the page that moesim fills: node build.mjs [FILE]. Same sources and packages, same bytes.
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const options = {bundle: true, minify: true, write: false, logLevel: 'warning', charset: 'utf8', target: 'es2022', legalComments: 'none', absWorkingDir: here};
const text = async (entry, more) => (await build({...options, entryPoints: [join('src', entry)], ...more})).outputFiles[0].text.trim();

// What the licences of the bundled packages ask to be kept with every copy.
const of = (name, ...file) => readFileSync(join(here, 'node_modules', name, ...file), 'utf8').trim();
const notices = [['echarts', 'NOTICE'], ['echarts', 'licenses', 'LICENSE-d3'], ['zrender', 'LICENSE'], ['tslib', 'LICENSE.txt']].map(([name, ...file]) => {
  const {version, license} = JSON.parse(of(name, 'package.json'));
  return `${name} ${version} (${license}), ${file.join('/')}:\n\n${of(name, ...file)}`;
});
const head = `/*! Contains what follows. Apache-2.0 is at https://www.apache.org/licenses/LICENSE-2.0 and the LICENSE of moesim.\n\n${notices.join('\n\n----\n\n').replaceAll('*/', '* /')}\n*/\n`;

const script = (await text('main.js', {format: 'iife'})).replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
const style = await text('style.css', {});
const page = readFileSync(join(here, 'src', 'page.html'), 'utf8').replace('/*STYLE*/', () => style).replace('/*SCRIPT*/', () => head + script);
writeFileSync(process.argv[2] ?? join(here, '..', '..', 'sim', 'page', 'page.html'), page);
