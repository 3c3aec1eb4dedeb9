import type { Piece } from '../../redis/block-merge.ts';
import type { ExpositionSink, ExpositionWriter } from '../../redis/exposition-writer.ts';
import { type FamilyHead, kindOf } from '../../redis/family-reader.ts';
import { occupiedNames } from '../../redis/name-claims.ts';
import { MIB } from '../../units.ts';
import type { Escaping } from './escaping.ts';
import { ProtobufBytes } from './protobuf-bytes.ts';
import { InstanceLines } from './protobuf-instance.ts';
import { MetricParts, numberIn } from './protobuf-metric.ts';
import { ShownNames } from './shown-names.ts';
import { escapeText, StoredLine } from './stored-line.ts';

/**
 * A family of more than this is sent as several messages of the same name, so that it need not be in memory as a whole:
 * its length comes first. Prometheus takes them one by one.
 */
const MESSAGE_BYTES = 4 * MIB;

const COUNTER = 0;
const SUMMARY = 2;
const HISTOGRAM = 4;
const GAUGE_HISTOGRAM = 5;

/** MetricType, and the field of Metric with the value. */
const TYPES: Readonly<Record<string, readonly [type: number, field: number]>> = {
  counter: [COUNTER, 3],
  gauge: [1, 2],
  info: [1, 2],
  stateset: [1, 2],
  summary: [SUMMARY, 4],
  untyped: [3, 5],
  histogram: [HISTOGRAM, 7],
  gaugehistogram: [GAUGE_HISTOGRAM, 7],
};

/** Messages io.prometheus.client.MetricFamily, each with its length before it. */
export class ProtobufWriter implements ExpositionWriter {
  readonly #names: ShownNames;
  readonly #head = new ProtobufBytes();
  readonly #out = new ProtobufBytes();
  readonly #parts: MetricParts;
  readonly #line = new StoredLine();
  #headBytes: Buffer = Buffer.alloc(0);
  #storedLength = 0;
  #type = 0;
  #field = 0;
  #instance: InstanceLines | undefined;

  constructor(escaping: Escaping) {
    this.#names = new ShownNames(escaping);
    this.#parts = new MetricParts(this.#out, this.#names);
  }

  otherNames(name: string): readonly string[] | undefined {
    return this.#names.otherNames(name);
  }

  rename(name: string, shown: string): void {
    this.#names.rename(name, shown);
  }

  claims({ name, type }: FamilyHead): readonly string[] {
    return occupiedNames(this.#names.family(name), kindOf(type));
  }

  begin({ name, type, help, unit }: FamilyHead): void {
    [this.#type, this.#field] = TYPES[type] ?? TYPES['untyped'];
    this.#storedLength = Buffer.byteLength(escapeText(name));
    const kind = kindOf(type);
    this.#instance = kind === 'plain' ? undefined : new InstanceLines(kind === 'summary' ? 'quantile' : 'le');
    const head = this.#head;
    head.text(1, this.#names.family(name));
    if (help)
      head.text(
        2,
        help.replace(/\\([\\n])/g, (_, c: string) => (c === 'n' ? '\n' : c)),
      );
    if (unit) head.text(5, unit);
    this.#headBytes = head.take();
  }

  piece({ text }: Piece, sink: ExpositionSink): void {
    const line = this.#line;
    for (let at = 0; at < text.length; ) {
      at = line.scan(text, at);
      if (this.#instance === undefined) this.#writePlain(text);
      else this.#addToInstance(this.#instance, text);
      if (this.#out.length >= MESSAGE_BYTES) this.#send(sink);
    }
    if (this.#instance !== undefined) this.#writeInstance(this.#instance, text);
  }

  end(sink: ExpositionSink): void {
    if (this.#out.length > 0) this.#send(sink);
  }

  finish(): void {}

  #writePlain(text: Buffer): void {
    const out = this.#out;
    const line = this.#line;
    const metric = out.open(4);
    this.#parts.labels(1, text, line, line.labelCount);
    const value = out.open(this.#field);
    out.double(1, numberIn(text, line.valueStart, line.valueEnd));
    if (this.#type === COUNTER) {
      if (line.exemplarStart >= 0) this.#parts.exemplar(2, text, line);
      if (line.createdStart >= 0)
        this.#parts.time(3, text.toString('latin1', line.createdStart, line.createdEnd));
    }
    out.close(value);
    if (line.timestampStart >= 0)
      out.uint64(6, BigInt(text.toString('latin1', line.timestampStart, line.timestampEnd)));
    out.close(metric);
  }

  #addToInstance(instance: InstanceLines, text: Buffer): void {
    const line = this.#line;
    const { start, end } = line;
    if (!instance.has(text, line)) {
      this.#writeInstance(instance, text);
      line.scan(text, start);
    }
    const suffix = text.toString('latin1', line.nameStart + this.#storedLength, line.nameEnd);
    instance.add(text, line, suffix);
    // The last line of each.
    if (suffix === '_count') this.#writeInstance(instance, text);
    line.end = end;
  }

  #writeInstance(instance: InstanceLines, text: Buffer): void {
    if (instance.first < 0) return;
    const out = this.#out;
    const line = this.#line;
    const metric = out.open(4);
    line.scan(text, instance.first);
    this.#parts.labels(1, text, line, instance.labelCount(text, line));
    // Prometheus 2.42 loses the suffixes of classic buckets of gauge histograms.
    if (this.#type === GAUGE_HISTOGRAM && !instance.isNative) this.#type = HISTOGRAM;
    const value = out.open(this.#field);
    if (this.#type === SUMMARY) instance.writeSummary(out, this.#parts, text);
    else instance.writeHistogram(out, this.#parts, text, line);
    out.close(value);
    if (instance.timestamp !== '') out.uint64(6, BigInt(instance.timestamp));
    out.close(metric);
    instance.clear();
  }

  #send(sink: ExpositionSink): void {
    const head = this.#head;
    head.uint64(3, this.#type);
    const type = head.take();
    head.varint(this.#headBytes.length + type.length + this.#out.length);
    sink.push(head.take());
    sink.push(this.#headBytes);
    sink.push(type);
    sink.push(this.#out.take());
  }
}
