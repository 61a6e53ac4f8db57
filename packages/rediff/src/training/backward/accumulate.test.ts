import { noGrad, optim, scope, type Tensor, tensor, zeros } from "@rediff/torch";
import { beforeEach, expect, test } from "vitest";
import { expectNoLeaks } from "../../testing/leaks.js";
import { addGradient, addRowGradients, openGradient, wholeGradient } from "./accumulate.js";
import type { Parameter } from "./parameters.js";

beforeEach(expectNoLeaks);

function withParameter(changed: Partial<Parameter>, body: (parameter: Parameter) => void): void {
  noGrad(() =>
    scope(() => {
      const weight = zeros([4, 2]);
      const parameter = {
        name: "w",
        weight,
        part: "language",
        decays: true,
        gradient: undefined,
        ...changed,
      } as Parameter;
      body(parameter);
      optim.freeGradient(parameter);
      expect(parameter).toMatchObject({ gradient: undefined, gradientRows: undefined });
    }),
  );
}

const lines = (t: Tensor): number[][] => scope(() => t.unbind(0).map((row) => row.toNumbers()));

test("whole gradients: the first is taken over, later ones are added", () =>
  withParameter({}, (parameter) => {
    scope(() => {
      addGradient(
        parameter,
        tensor([
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
        ]),
      );
      addGradient(
        parameter,
        tensor(
          [
            [1, 1],
            [1, 1],
            [1, 1],
            [1, 1],
          ],
          { dtype: "bfloat16" },
        ),
      );
    });
    expect(lines(parameter.gradient as Tensor)).toEqual([
      [2, 3],
      [4, 5],
      [6, 7],
      [8, 9],
    ]);
    expect(lines(wholeGradient(parameter))).toEqual(lines(parameter.gradient as Tensor));
  }));

test("a gradient that is a view or expanded becomes a tensor of its own", () =>
  withParameter({}, (parameter) => {
    addGradient(parameter, tensor([[1, 2]]).expand([4, 2]));
    (parameter.gradient as Tensor).select(0, 0).fill_(9);
    expect(lines(parameter.gradient as Tensor)).toEqual([
      [9, 9],
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  }));

test("opened, it is zeros; by rows it has none yet", () => {
  withParameter({}, (parameter) =>
    expect(lines(openGradient(parameter))).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]),
  );
  withParameter({ rowwise: true }, (parameter) => {
    expect(openGradient(parameter).shape).toEqual([0, 2]);
    expect(parameter.gradientRows).toEqual([]);
    expect(lines(wholeGradient(parameter))).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });
});

test("by rows: each row once, repeated ones are summed, new ones come at the end", () =>
  withParameter({ rowwise: true }, (parameter) => {
    scope(() =>
      addRowGradients(
        parameter,
        [3, 1, 3],
        tensor([
          [1, 2],
          [3, 4],
          [10, 20],
        ]),
      ),
    );
    expect(parameter.gradientRows).toEqual([3, 1]);
    expect(lines(parameter.gradient as Tensor)).toEqual([
      [11, 22],
      [3, 4],
    ]);
    scope(() =>
      addRowGradients(
        parameter,
        [0, 1],
        tensor([
          [5, 5],
          [1, 1],
        ]),
      ),
    );
    expect(parameter.gradientRows).toEqual([3, 1, 0]);
    expect(lines(wholeGradient(parameter))).toEqual([
      [5, 5],
      [4, 5],
      [0, 0],
      [11, 22],
    ]);
    scope(() => addRowGradients(parameter, [], zeros([0, 2])));
    expect(parameter.gradientRows).toEqual([3, 1, 0]);
  }));

test("sums of 16-bit weights are float32, of float64 ones float64", () => {
  for (const [dtype, wanted] of [
    ["bfloat16", "float32"],
    ["float64", "float64"],
  ] as const)
    scope(() =>
      withParameter({ weight: zeros([4, 2], { dtype }) }, (parameter) => {
        addGradient(parameter, zeros([4, 2], { dtype }));
        expect(parameter.gradient?.dtype).toBe(wanted);
      }),
    );
});
