/** Element types: their names, c10::ScalarType codes, sizes, and the JavaScript arrays that hold them. */

/** The JavaScript array of each dtype. Node 20 has no Float16Array: floats of 16 bits, and of 8, come out as their bits. */
export interface ArrayOf {
  uint8: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  float16: Uint16Array;
  float32: Float32Array;
  float64: Float64Array;
  bool: Uint8Array;
  bfloat16: Uint16Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  /** 5 bits of exponent, 2 of mantissa: to 57344, with infinities. */
  float8_e5m2: Uint8Array;
  /** 4 bits of exponent, 3 of mantissa: to 448, without infinities. */
  float8_e4m3fn: Uint8Array;
}

export type DType = keyof ArrayOf;

type Entry<D extends DType> = { code: number; bytes: number; array: new (buffer: ArrayBuffer) => ArrayOf[D] };

const TABLE: { [D in DType]: Entry<D> } = {
  uint8: { code: 0, bytes: 1, array: Uint8Array },
  int8: { code: 1, bytes: 1, array: Int8Array },
  int16: { code: 2, bytes: 2, array: Int16Array },
  int32: { code: 3, bytes: 4, array: Int32Array },
  int64: { code: 4, bytes: 8, array: BigInt64Array },
  float16: { code: 5, bytes: 2, array: Uint16Array },
  float32: { code: 6, bytes: 4, array: Float32Array },
  float64: { code: 7, bytes: 8, array: Float64Array },
  bool: { code: 11, bytes: 1, array: Uint8Array },
  bfloat16: { code: 15, bytes: 2, array: Uint16Array },
  uint16: { code: 27, bytes: 2, array: Uint16Array },
  uint32: { code: 28, bytes: 4, array: Uint32Array },
  uint64: { code: 29, bytes: 8, array: BigUint64Array },
  float8_e5m2: { code: 23, bytes: 1, array: Uint8Array },
  float8_e4m3fn: { code: 24, bytes: 1, array: Uint8Array },
};

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** The array that `Tensor.data()` gives for each dtype. */
export type DataOf<D extends DType> = ArrayOf[D];

export const DTYPES = Object.keys(TABLE) as DType[];

const BY_CODE = new Map<number, DType>(DTYPES.map((name) => [TABLE[name].code, name]));

export function dtypeCode(dtype: DType): number;
export function dtypeCode(dtype: DType | undefined): number | undefined;
export function dtypeCode(dtype: DType | undefined): number | undefined {
  return dtype === undefined ? undefined : entryOf(dtype).code;
}

function entryOf<D extends DType>(dtype: D): Entry<D> {
  if (Object.hasOwn(TABLE, dtype)) return TABLE[dtype];
  throw new Error(`unknown dtype "${dtype}"; it is one of ${DTYPES.join(", ")}`);
}

export function dtypeFromCode(code: number): DType {
  const dtype = BY_CODE.get(code);
  if (dtype === undefined) throw new Error(`a tensor has the ScalarType ${code}, for which there is no name here`);
  return dtype;
}

/** Bytes of one element. */
export function elementSize(dtype: DType): number {
  return entryOf(dtype).bytes;
}

/** A typed array over `buffer`, which must hold whole elements. */
export function viewOf<D extends DType>(dtype: D, buffer: ArrayBuffer): DataOf<D> {
  return new (entryOf(dtype).array)(buffer);
}

/** The dtype that `fromTypedArray` assumes for an array. */
export function dtypeOfArray(array: TypedArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof BigInt64Array) return "int64";
  if (array instanceof BigUint64Array) return "uint64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Uint32Array) return "uint32";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Uint16Array) return "uint16";
  if (array instanceof Int8Array) return "int8";
  return "uint8";
}
