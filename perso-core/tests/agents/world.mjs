/** A project and a home, empty and of their own, and an agent that works there by itself. */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { play } from './model/index.mjs';

/** How long an agent may take to ask its model, and then to ask again. */
const SECONDS = 60;

export class World {
	/** The world is removed after the test. */
	constructor(test) {
		this.folder = mkdtempSync(join(tmpdir(), 'world-'));
		test.after(() => rmSync(this.folder, { recursive: true, force: true }));
		this.project = this.at('project');
		this.home = this.at('home');
		for (const folder of [this.project, this.home]) mkdirSync(folder);
		execFileSync('git', ['init', '--quiet', this.project]);
	}

	/** Where a path of the world is. */
	at(path) {
		return join(this.folder, path);
	}

	has(path) {
		return existsSync(this.at(path));
	}

	read(path) {
		return readFileSync(this.at(path), 'utf8');
	}

	/** Writes a text or JSON, and returns where. */
	write(path, content, mode = 0o644) {
		const at = this.at(path);
		mkdirSync(dirname(at), { recursive: true });
		writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content), { mode });
		return at;
	}

	/** Runs an agent whose model plays these calls. Returns what the model got for each, all that it heard, and what the agent printed. */
	async run(agent, calls, { patience = SECONDS, ...options } = {}) {
		let child, timer;
		const wait = (seconds) => {
			clearTimeout(timer);
			timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), seconds * 1000);
		};
		const model = await play(calls, () => wait(patience));
		try {
			const { program, args, env } = agent.start(this, model.url, options);
			child = spawn(program, args, {
				cwd: this.project,
				env: { PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: this.home, TMPDIR: this.folder, ...env },
				stdio: ['ignore', 'pipe', 'pipe'],
				// In a group of its own, which is stopped as a whole.
				detached: true,
			});
			wait(SECONDS);
			let printed = '';
			for (const output of [child.stdout, child.stderr]) output.on('data', (data) => (printed += data));
			await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
			if (model.played < calls.length && model.results.length === model.played) throw new Error(`it ended early: ${printed}`);
			return { results: model.results, heard: model.heard, printed };
		} finally {
			clearTimeout(timer);
			model.close();
		}
	}
}
