/*
 * Trainings that are due or under way. A cell that is due copies its window, at that position, and takes one of its detector's
 * tickets in the root block; the host takes the ticket, reads the copy, trains, and comes back with the ticket's handle:
 *
 *   due (copy in the arena) -> taken (copy read, given back) -> over: swapped, dropped, or gone with its cell
 *
 * A handle is never given twice, so a training whose cell went is known by its handle alone. A cell and its ticket name each
 * other; where only one does (a call was cut off), the training is over.
 *
 * A detector has TICKETS_A_SLOT tickets a shard. While all are taken, further cells that are due wait, and copy their window
 * when a ticket is free at one of their rows: what a training would find in an older copy is out of date anyway.
 */
import { BLOCK_HEADER, KIND_COPY, KIND_MODEL } from "./arena";
import {
  Cell,
  cellOf,
  copyWindow,
  makeModelBlock,
  modelBlockAt,
  modelIn,
  MODEL_AT,
  rowBytes,
  showCell,
  versionOf,
} from "./cell";
import { allocateFor, Detector, detectorOf, releaseFor } from "./detector";
import { Key, keyAt } from "./key";
import { makeRoom } from "./key-life";
import * as layout from "./layout";
import { root, slotAt, Ticket, ticketAt } from "./layout";
import { Model, MODEL_MAGIC } from "./model/model";

export const TICKETS: u32 = layout.DETECTORS_MAX * layout.TICKETS_A_SLOT;

/** The ticket of a training that is not over; null = it is. */
function find(handle: f64): Ticket {
  const serial = Math.floor(handle / (TICKETS as f64));
  const index = handle - serial * (TICKETS as f64);
  if (!(serial >= 1 && index >= 0 && index < (TICKETS as f64))) return changetype<Ticket>(0);
  const ticket = ticketAt(index as u32);
  return ticket.handle == handle ? ticket : changetype<Ticket>(0);
}

/** The rows from a failure to the next attempt. */
function patience(detector: Detector, key: Key): f64 {
  return key.totals != 0 ? detector.retrainInterval : Math.ceil(detector.minSamples / 4);
}

/** Copies the window of a key that has just learned, if it is due. */
export function trainIfDue(detector: Detector, key: Key): void {
  const cell = cellOf(key);
  if (cell.training != 0 || (key.inWindow as f64) < detector.minSamples) return;
  if (cell.dueAt == 0) cell.dueAt = key.learned;
  if (key.learned < cell.dueAt) return;
  let index = detector.slot * layout.TICKETS_A_SLOT;
  const end = index + layout.TICKETS_A_SLOT;
  while (index < end && ticketAt(index).handle != 0) index++;
  if (index == end) return;
  const place = slotAt(detector.slot);
  place.trainings += 1;
  const rows = makeCopy(detector, key);
  if (rows == 0) {
    place.trainingsFailed += 1;
    place.trainingsWithoutMemory += 1;
    cell.dueAt = key.learned + patience(detector, key);
    return;
  }
  issue(detector, key, rows, index);
}

function makeCopy(detector: Detector, key: Key): u32 {
  const bytes = BLOCK_HEADER + key.inWindow * rowBytes(detector);
  let block = allocateFor(detector.slot, bytes);
  while (block == 0) {
    if (!makeRoom(detector, key.hashLo, changetype<u32>(key))) return 0;
    block = allocateFor(detector.slot, bytes);
  }
  copyWindow(detector, key, block + BLOCK_HEADER);
  store<u32>(block, KIND_COPY);
  return block;
}

function issue(detector: Detector, key: Key, rows: u32, index: u32): void {
  const state = root();
  const ticket = ticketAt(index);
  const cell = cellOf(key);
  state.trainings += 1;
  ticket.key = changetype<u32>(key);
  ticket.slot = detector.slot;
  ticket.rows = rows;
  ticket.count = key.inWindow;
  ticket.columns = detector.columns;
  ticket.version = versionOf(key) + 1;
  ticket.position = key.learned;
  ticket.dueAt = cell.dueAt;
  ticket.taken = 0;
  ticket.hashLo = key.hashLo;
  ticket.hashHi = key.hashHi;
  ticket.handle = state.trainings * (TICKETS as f64) + (index as f64);
  cell.training = ticket.handle;
  state.trainingsDue += 1;
}

/** Takes the training that became due first; the address of its ticket, 0 = none is due. */
export function take(): u32 {
  const state = root();
  if (state.trainingsDue == 0) return 0;
  let first = changetype<Ticket>(0);
  for (let i: u32 = 0; i < TICKETS; i++) {
    const ticket = ticketAt(i);
    if (ticket.handle == 0 || ticket.taken != 0) continue;
    if (changetype<u32>(first) == 0 || ticket.handle < first.handle) first = ticket;
  }
  if (changetype<u32>(first) == 0) return 0;
  first.taken = 1;
  state.trainingsDue -= 1;
  return changetype<u32>(first);
}

/** Handle of the oldest training that was taken and is under way, past `after`; 0 = none. */
export function takenAfter(after: f64): f64 {
  let first: f64 = 0;
  for (let i: u32 = 0; i < TICKETS; i++) {
    const ticket = ticketAt(i);
    const handle = ticket.handle;
    if (ticket.taken == 0 || !(handle > after)) continue;
    if (first == 0 || handle < first) first = handle;
  }
  return first;
}

/** The copy has been read. */
export function releaseRowsOf(handle: f64): void {
  const ticket = find(handle);
  if (changetype<u32>(ticket) == 0) return;
  const rows = ticket.rows;
  ticket.rows = 0;
  releaseFor(ticket.slot, rows);
}

/** The training of a cell is over, for whatever reason. */
export function endTraining(cell: Cell): void {
  const ticket = find(cell.training);
  cell.training = 0;
  if (changetype<u32>(ticket) != 0) closeTicket(ticket);
}

function closeTicket(ticket: Ticket): void {
  const rows = ticket.rows;
  if (ticket.taken == 0) root().trainingsDue -= 1;
  ticket.rows = 0;
  ticket.handle = 0;
  releaseFor(ticket.slot, rows);
}

/** Where a training's model goes; idle keys leave for it. 0 = the training is over, or the arena is full. */
export function place(handle: f64, bytes: u32): u32 {
  const ticket = find(handle);
  if (changetype<u32>(ticket) == 0) return 0;
  let block = makeModelBlock(ticket.slot, bytes);
  while (block == 0) {
    if (!makeRoom(detectorOf(ticket.slot), ticket.hashLo, ticket.key)) return 0;
    block = makeModelBlock(ticket.slot, bytes);
  }
  return block + MODEL_AT;
}

/** Puts the model at `address` in the place of its cell's. Status. */
export function swap(handle: f64, address: u32): u32 {
  const ticket = find(handle);
  if (changetype<u32>(ticket) == 0) {
    if (address != 0) releaseFor(modelBlockAt(address - MODEL_AT).slot, address - MODEL_AT);
    return layout.GONE;
  }
  const slot = ticket.slot;
  if (address == 0) {
    slotAt(slot).trainingsWithoutMemory += 1;
    giveUp(ticket, 1);
    return layout.NO_MEMORY;
  }
  const detector = detectorOf(slot);
  const block = address - MODEL_AT;
  if (!fits(detector, modelIn(block))) {
    releaseFor(slot, block);
    giveUp(ticket, 1);
    return layout.BAD_MODEL;
  }
  const key = keyAt(ticket.key);
  const cell = cellOf(key);
  const old = key.totals;
  const made = modelBlockAt(block);
  made.version = ticket.version;
  made.trainedAt = ticket.position;
  made.swappedAt = key.learned;
  cell.dueAt = ticket.position + detector.retrainInterval;
  if (old == 0) cell.readyAt = key.learned;
  key.totals = block;
  endTraining(cell);
  releaseFor(slot, old);
  swappedAt = key.learned;
  showCell(detector, key);
  return layout.OK;
}

/** Position of the cell that was given a model last, in this instance. */
let swappedAt: f64 = 0;

export function swapPositionOf(): f64 {
  return swappedAt;
}

/** Whether a model is of the detector's kind and columns. */
export function fits(detector: Detector, model: Model): bool {
  return (
    model.magic == MODEL_MAGIC &&
    model.kind == detector.modelKind &&
    model.columns == detector.columns
  );
}

/** A training made no model. Status. */
export function drop(handle: f64, failed: u32): u32 {
  const ticket = find(handle);
  if (changetype<u32>(ticket) == 0) return layout.GONE;
  giveUp(ticket, failed);
  return layout.OK;
}

function giveUp(ticket: Ticket, failed: u32): void {
  const slot = ticket.slot;
  const detector = detectorOf(slot);
  const key = keyAt(ticket.key);
  const cell = cellOf(key);
  if (failed != 0) slotAt(slot).trainingsFailed += 1;
  cell.dueAt = key.learned + patience(detector, key);
  endTraining(cell);
  showCell(detector, key);
}

/** Whether a cell's training and its ticket name each other, and the model under way would be its next. */
export function isTrainingSound(key: Key): bool {
  const cell = cellOf(key);
  const ticket = find(cell.training);
  return (
    changetype<u32>(ticket) != 0 &&
    ticket.key == changetype<u32>(key) &&
    ticket.slot == (key.slot as u32) &&
    ticket.version == versionOf(key) + 1 &&
    ((ticket.rows != 0 && load<u32>(ticket.rows) == KIND_COPY) ||
      (ticket.rows == 0 && ticket.taken != 0))
  );
}

export function isModelSound(detector: Detector, key: Key): bool {
  const block = key.totals;
  if (block == 0) return true;
  return (
    load<u32>(block) == KIND_MODEL &&
    modelBlockAt(block).version != 0 &&
    modelBlockAt(block).trainedAt <= modelBlockAt(block).swappedAt &&
    modelBlockAt(block).swappedAt <= key.learned &&
    fits(detector, modelIn(block))
  );
}

export function rowsOfTraining(key: Key): u32 {
  const ticket = find(cellOf(key).training);
  return changetype<u32>(ticket) != 0 ? ticket.rows : 0;
}

/** After a death, before keys are kept: no ticket is. */
export function doubtTickets(): void {
  for (let i: u32 = 0; i < TICKETS; i++) ticketAt(i).kept = 0;
}

/** A cell is kept: its training is too, where both know of each other. The block of the training's copy, or 0. */
export function keepTraining(key: Key): u32 {
  const cell = cellOf(key);
  if (cell.training == 0) return 0;
  if (!isTrainingSound(key)) {
    cell.training = 0;
    return 0;
  }
  const ticket = find(cell.training);
  ticket.kept = 1;
  return ticket.rows;
}

/** All cells that live are kept: the other tickets are free. */
export function dropTickets(): void {
  const state = root();
  state.trainingsDue = 0;
  for (let i: u32 = 0; i < TICKETS; i++) {
    const ticket = ticketAt(i);
    if (ticket.kept == 0) ticket.handle = 0;
    else if (ticket.taken == 0) state.trainingsDue += 1;
  }
}

/** Whether the due trainings are as many as is said. */
export function countDue(): u32 {
  let due: u32 = 0;
  for (let i: u32 = 0; i < TICKETS; i++) {
    const ticket = ticketAt(i);
    if (ticket.handle != 0 && ticket.taken == 0) due++;
  }
  return due;
}

/** Trainings of a detector that are not over. */
export function countTickets(slot: u32): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < layout.TICKETS_A_SLOT; i++) {
    if (ticketAt(slot * layout.TICKETS_A_SLOT + i).handle != 0) count++;
  }
  return count;
}
